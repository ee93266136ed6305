"""Who is let in and who stands above others: said by those who may say it, never of themselves."""

import asyncio
from collections.abc import Callable

import asyncpg
import httpx
import pytest

from app.domain.accounts.policies import MANAGE_USERS
from app.platform.database.pools import Database
from tests.conftest import SignedIn
from tests.domain.accounts.doors import BASE, ME, NAMED, TOKENS, USERS
from tests.domain.accounts.factories import PASSWORD, UserFactory


@pytest.fixture
async def manager(client: httpx.AsyncClient, root: SignedIn, sign_in: Callable) -> SignedIn:
    """Somebody who manages users, and is nothing more."""
    manager = await sign_in("manager")
    path = f"{BASE}/holders/{manager.id}/permissions/{MANAGE_USERS.name}"
    assert (await client.put(path, auth=root)).status_code == 204
    return manager


async def standing(client: httpx.AsyncClient, by: SignedIn, user: SignedIn) -> tuple[bool, bool, bool]:
    """Whether a user is active, staff and a superuser."""
    told = (await client.get(f"{USERS}/{user.id}", auth=by)).json()
    return told["isActive"], told["isStaff"], told["isSuperuser"]


async def test_a_user_is_told_to_those_who_manage_users(
    client: httpx.AsyncClient, manager: SignedIn, sign_in: Callable
) -> None:
    ann = await sign_in("Ann")
    told = (await client.get(f"{USERS}/{ann.id}", auth=manager)).json()
    assert told | {"createdAt": ""} == {
        "id": str(ann.id),
        "username": "Ann",
        "email": "Ann@example.com",
        "displayName": None,
        "isActive": True,
        "isStaff": False,
        "isSuperuser": False,
        "createdAt": "",
    }
    assert (await client.get(USERS, auth=manager)).json()["items"][0] == told


async def test_who_is_kept_out_is_out_at_once_and_their_tokens_stay_ended(
    client: httpx.AsyncClient, manager: SignedIn, sign_in: Callable, database: Database
) -> None:
    ann = await sign_in("ann")
    known = await UserFactory.saved(database)
    assert (await client.get(ME, auth=ann)).status_code == 200

    for user in (ann.id, known.id):
        answer = await client.patch(f"{USERS}/{user}", json={"isActive": False}, auth=manager)
        assert (answer.status_code, answer.json()["isActive"]) == (200, False)

    assert (await client.get(ME, auth=ann)).status_code == 401
    signing_in = {"email": known.email, "password": PASSWORD}
    assert (await client.post(TOKENS, json=signing_in)).status_code == 401
    for user in (ann.id, known.id):
        await client.patch(f"{USERS}/{user}", json={"isActive": True}, auth=manager)
    assert (await client.get(ME, auth=ann)).status_code == 401
    assert (await client.post(TOKENS, json=signing_in)).status_code == 201


async def test_a_superuser_raises_others_and_lowers_them(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable
) -> None:
    ann = await sign_in()
    assert (await client.get(USERS, auth=ann)).status_code == 403
    await client.patch(f"{USERS}/{ann.id}", json={"isStaff": True, "isSuperuser": True}, auth=root)
    assert await standing(client, root, ann) == (True, True, True)
    assert (await client.get(USERS, auth=ann)).status_code == 200
    await client.patch(f"{USERS}/{ann.id}", json={"isSuperuser": False}, auth=root)
    assert await standing(client, root, ann) == (True, True, False)
    assert (await client.get(USERS, auth=ann)).status_code == 403, "to be staff is no permission"


@pytest.mark.parametrize(
    ("by", "of", "change", "refused"),
    [
        pytest.param("manager", "ann", {"isStaff": True}, "isStaff", id="a manager makes nobody staff"),
        pytest.param("manager", "ann", {"isSuperuser": True}, "isSuperuser", id="nor a superuser"),
        pytest.param("manager", "root", {"isActive": False}, "isActive", id="nor keeps a superuser out"),
        pytest.param("manager", "root", {"isSuperuser": False}, "isSuperuser", id="nor lowers one"),
        pytest.param("limited", "ann", {"isStaff": True}, "isStaff", id="nor does a superuser's limited token"),
        pytest.param("limited", "root", {"isActive": False}, "isActive", id="nor does that keep a superuser out"),
    ],
)
async def test_superusers_alone_say_who_stands_above_others(
    client: httpx.AsyncClient, root: SignedIn, manager: SignedIn, sign_in: Callable, by: str, of: str, change, refused
) -> None:
    users = {"ann": await sign_in("ann"), "root": root, "manager": manager}
    before = await standing(client, root, users[of])
    another = await sign_in(is_superuser=True)
    wish = {"name": "limited", "scopes": [MANAGE_USERS.name, "signed_in"]}
    token = (await client.post(NAMED, json=wish, auth=another)).json()["token"]
    credential = {"headers": {"Authorization": f"Bearer {token}"}} if by == "limited" else {"auth": users[by]}

    answer = await client.patch(f"{USERS}/{users[of].id}", json=change, **credential)

    assert (answer.status_code, answer.json()["errors"]) == (403, {refused: ["forbidden"]})
    assert await standing(client, root, users[of]) == before


@pytest.mark.parametrize("change", [{"isActive": False}, {"isSuperuser": False}, {"isStaff": True}, {}], ids=str)
@pytest.mark.parametrize("who", ["manager", "root"])
async def test_nobody_changes_their_own_standing(
    client: httpx.AsyncClient, root: SignedIn, manager: SignedIn, who: str, change: dict
) -> None:
    me = {"manager": manager, "root": root}[who]
    answer = await client.patch(f"{USERS}/{me.id}", json=change, auth=me)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_account")
    assert await standing(client, root, me) == (True, False, who == "root")


@pytest.mark.parametrize("change", [{"isSuperuser": False}, {"isActive": False}], ids=["lower", "keep out"])
async def test_of_superusers_who_end_each_other_at_once_one_is_left(
    client: httpx.AsyncClient, sign_in: Callable, database_url: str, change: dict
) -> None:
    ring = [await sign_in(is_superuser=True) for _ in range(4)]
    for one in ring:
        assert (await client.get(ME, auth=one)).status_code == 200
    async with asyncio.TaskGroup() as group:
        tries = [
            group.create_task(client.patch(f"{USERS}/{other.id}", json=change, auth=one))
            for one, other in zip(ring, ring[1:] + ring[:1], strict=True)
        ]
    statuses = {one.result().status_code for one in tries}
    assert 200 in statuses
    assert statuses <= {200, 401, 403}
    elsewhere = await asyncpg.connect(database_url)
    left = await elsewhere.fetchval("SELECT count(*) FROM accounts_user WHERE is_superuser AND is_active")
    await elsewhere.close()
    assert 1 <= left < 4


@pytest.mark.parametrize("status", ["is_superuser", "is_active"])
async def test_who_has_just_been_lowered_lowers_nobody(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, database_url: str, status: str
) -> None:
    other = await sign_in(is_superuser=True)
    assert (await client.get(ME, auth=other)).status_code == 200  # known for a second from now
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute(f"UPDATE accounts_user SET {status} = false WHERE id = $1", other.id)
    await elsewhere.close()
    answer = await client.patch(f"{USERS}/{root.id}", json={"isSuperuser": False}, auth=other)
    assert answer.status_code == (403 if status == "is_superuser" else 401)
    assert await standing(client, root, root) == (True, False, True)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"isActive": None}, "/isActive"), ({"isStaff": "yes"}, "/isStaff"), ({"password": "x"}, "/password")],
    ids=["null", "text", "unknown"],
)
async def test_a_change_that_cannot_be_is_refused(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, body: dict, pointer: str
) -> None:
    answer = await client.patch(f"{USERS}/{(await sign_in()).id}", json=body, auth=root)
    assert (answer.status_code, [one["pointer"] for one in answer.json()["violations"]]) == (422, [pointer])
