"""Nobody passes on, or takes, a permission that they do not hold themselves."""

import asyncio
from collections.abc import Callable

import asyncpg
import httpx
import pytest

from app.platform.database.pools import Database
from tests.conftest import SignedIn
from tests.domain.accounts.holders import GROUPS, HOLDERS, PERMISSIONS, USERS_TOO, held
from tests.waiting import until_waiting


async def test_nobody_gives_or_takes_what_they_do_not_hold(
    client: httpx.AsyncClient, root: SignedIn, granted: Callable, group: Callable
) -> None:
    manager, ann = await granted(PERMISSIONS), await granted(USERS_TOO)
    higher = await group(PERMISSIONS, USERS_TOO)
    lower = await group(PERMISSIONS, name="Lower")
    await client.put(f"{higher}/members/{ann.id}", auth=root)
    asked = [
        ("PUT", f"{HOLDERS}/{root.id}/permissions/{USERS_TOO}", None),
        ("DELETE", f"{HOLDERS}/{ann.id}/permissions/{USERS_TOO}", None),
        ("POST", GROUPS, {"name": "Mine", "permissions": [USERS_TOO]}),
        ("PATCH", lower, {"permissions": [PERMISSIONS, USERS_TOO]}),
        ("PATCH", higher, {"permissions": [PERMISSIONS]}),
        ("PUT", f"{higher}/members/{root.id}", None),
        ("DELETE", f"{higher}/members/{ann.id}", None),
        ("DELETE", higher, None),
    ]
    before = await stored(client, root, ann)

    for method, path, body in asked:
        answer = await client.request(method, path, json=body, auth=manager)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_held"), f"{method} {path}"
        assert answer.json()["errors"] == {"permissions": [f"must be held by whoever gives or takes them: {USERS_TOO}"]}

    assert await stored(client, root, ann) == before
    assert (await client.put(f"{lower}/members/{ann.id}", auth=manager)).status_code == 204
    assert (await client.patch(higher, json={"name": "Renamed"}, auth=manager)).status_code == 200


async def stored(client: httpx.AsyncClient, root: SignedIn, user: SignedIn) -> object:
    return (await client.get(GROUPS, auth=root)).json(), await held(client, root, user)


@pytest.mark.parametrize("is_superuser", [False, True], ids=["manager", "superuser"])
async def test_nobody_changes_what_they_themselves_may(
    client: httpx.AsyncClient, root: SignedIn, granted: Callable, group: Callable, is_superuser: bool
) -> None:
    me, keepers = root if is_superuser else await granted(PERMISSIONS), await group(PERMISSIONS)
    for method, path in [
        ("PUT", f"{HOLDERS}/{me.id}/permissions/{PERMISSIONS}"),
        ("DELETE", f"{HOLDERS}/{me.id}/permissions/{PERMISSIONS}"),
        ("PUT", f"{keepers}/members/{me.id}"),
        ("DELETE", f"{keepers}/members/{me.id}"),
    ]:
        answer = await client.request(method, path, auth=me)
        assert (answer.status_code, answer.json()["code"]) == (403, "own_account")


@pytest.mark.parametrize("lost", ["the permission", "the account"])
async def test_who_has_just_lost_it_leaves_nothing_to_others(
    client: httpx.AsyncClient, granted: Callable, sign_in: Callable, database_url: str, lost: str
) -> None:
    manager, friend = await granted(PERMISSIONS), await sign_in()
    assert (await client.get(GROUPS, auth=manager)).status_code == 200
    elsewhere = await asyncpg.connect(database_url)
    if lost == "the permission":
        await elsewhere.execute("DELETE FROM accounts_grant")
    else:
        await elsewhere.execute("UPDATE accounts_user SET is_active = false WHERE id = $1", manager.id)

    # The route forgets its caller only once they are admitted, so that this one is the last that is.
    answer = await client.put(f"{HOLDERS}/{friend.id}/permissions/{PERMISSIONS}", auth=manager)

    assert answer.status_code == (403 if lost == "the permission" else 401)
    assert await elsewhere.fetchval("SELECT count(*) FROM accounts_grant WHERE user_id = $1", friend.id) == 0
    await elsewhere.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PATCH", "{group}", {"permissions": [USERS_TOO]}, id="change"),
        pytest.param("DELETE", "{group}", None, id="remove"),
        pytest.param("PUT", "{group}/members/{user}", None, id="add a member"),
        pytest.param("DELETE", "{group}/members/{member}", None, id="remove a member"),
    ],
)
async def test_who_loses_a_permission_while_they_wait_for_the_group_passes_it_on_no_more(
    client: httpx.AsyncClient,
    root: SignedIn,
    granted: Callable,
    group: Callable,
    sign_in: Callable,
    database: Database,
    method: str,
    path: str,
    body: dict | None,
) -> None:
    ann, user, member = await granted(PERMISSIONS, USERS_TOO), await sign_in(), await sign_in()
    keepers = await group(*[] if method == "PATCH" else [USERS_TOO])
    await client.put(f"{keepers}/members/{member.id}", auth=root)
    other = await asyncpg.connect(database.url)
    async with other.transaction():
        await other.execute("SELECT FROM accounts_group FOR UPDATE")
        where = path.format(group=keepers, user=user.id, member=member.id)
        asked = asyncio.create_task(client.request(method, where, json=body, auth=ann))
        await until_waiting(database.url)
        await other.execute("DELETE FROM accounts_grant WHERE permission = $1", USERS_TOO)
    await other.close()
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (403, "not_held")
    after = (await client.get(keepers, auth=root)).json()["permissions"]
    assert after == ([] if method == "PATCH" else [USERS_TOO])
    members = (await client.get(f"{keepers}/members", auth=root)).json()["items"]
    assert [one["id"] for one in members] == [str(member.id)]
