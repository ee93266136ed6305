"""Who may do what, by groups and by grants: said through the API, and true of the next request."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from app.main import create_app
from app.platform.database.pools import Database
from config.settings import Settings
from tests.conftest import SignedIn
from tests.domain.accounts.test_links import WAITING

API = "/api/v1/accounts"
GROUPS, HOLDERS, USERS, NAMED = f"{API}/groups", f"{API}/holders", f"{API}/users", f"{API}/tokens/named"
PERMISSIONS, USERS_TOO = MANAGE_PERMISSIONS.name, MANAGE_USERS.name
MISSING = UUID("01900000-0000-7000-8000-000000000000")


@pytest.fixture
async def root(sign_in: Callable) -> SignedIn:
    """A superuser."""
    return await sign_in("root", is_superuser=True)


@pytest.fixture
def granted(client: httpx.AsyncClient, root: SignedIn, sign_in: Callable) -> Callable:
    """Somebody who was granted these permissions."""

    async def make(*names: str) -> SignedIn:
        user = await sign_in()
        for name in names:
            answer = await client.put(f"{HOLDERS}/{user.id}/permissions/{name}", auth=root)
            assert answer.status_code == 204, answer.text
        return user

    return make


@pytest.fixture
def group(client: httpx.AsyncClient, root: SignedIn) -> Callable:
    """The address of a new group whose members may this."""

    async def make(*names: str, name: str = "Keepers") -> str:
        answer = await client.post(GROUPS, json={"name": name, "permissions": names}, auth=root)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    return make


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(violation["pointer"], violation["code"]) for violation in answer.json()["violations"]]


async def held(client: httpx.AsyncClient, root: SignedIn, user: SignedIn) -> list[tuple[str, bool, list[str]]]:
    """What a user may, whether by themselves, and by which groups."""
    answer = (await client.get(f"{HOLDERS}/{user.id}", auth=root)).json()
    return [(one["name"], one["granted"], [group["name"] for group in one["groups"]]) for one in answer["held"]]


# What a grant and a group do


async def test_a_grant_lets_a_user_do_it_at_once_and_its_end_does_not(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable
) -> None:
    ann = await sign_in()
    path = f"{HOLDERS}/{ann.id}/permissions/{USERS_TOO}"
    assert (await client.get(USERS, auth=ann)).json()["errors"] == {"permission": ["forbidden"]}

    assert (await client.put(path, auth=root)).status_code == 204
    assert (await client.put(path, auth=root)).status_code == 204, "said again, it changes nothing"
    assert (await client.get(USERS, auth=ann)).status_code == 200
    assert (await client.get(GROUPS, auth=ann)).status_code == 403, "one permission is not another"

    assert (await client.delete(path, auth=root)).status_code == 204
    assert (await client.get(USERS, auth=ann)).status_code == 403
    assert (await client.delete(path, auth=root)).json()["errors"] == {"permission": ["not found"]}


async def test_members_of_a_group_may_what_it_permits_for_as_long_as_it_does(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, group: Callable
) -> None:
    ann, keepers = await sign_in(), await group(USERS_TOO)

    async def status() -> int:
        return (await client.get(USERS, auth=ann)).status_code

    assert await status() == 403
    assert (await client.put(f"{keepers}/members/{ann.id}", auth=root)).status_code == 204
    assert await status() == 200
    assert (await client.patch(keepers, json={"permissions": []}, auth=root)).json()["permissions"] == []
    assert await status() == 403
    await client.patch(keepers, json={"permissions": [USERS_TOO, USERS_TOO]}, auth=root)
    assert await status() == 200
    assert (await client.delete(f"{keepers}/members/{ann.id}", auth=root)).status_code == 204
    assert await status() == 403
    assert (await client.delete(f"{keepers}/members/{ann.id}", auth=root)).json()["errors"] == {"member": ["not found"]}
    await client.put(f"{keepers}/members/{ann.id}", auth=root)
    assert await status() == 200
    assert (await client.delete(keepers, auth=root)).status_code == 204
    assert await status() == 403
    assert (await client.get(keepers, auth=root)).status_code == 404


@pytest.mark.parametrize("way", ["grant", "membership", "group", "deactivation"])
async def test_what_is_taken_in_one_worker_has_ended_in_another_within_a_second(
    client: httpx.AsyncClient, settings: Settings, root: SignedIn, granted: Callable, group: Callable, way: str
) -> None:
    ann = await granted(*[USERS_TOO] if way in {"grant", "deactivation"} else [])
    keepers = await group(USERS_TOO)
    if way in {"membership", "group"}:
        await client.put(f"{keepers}/members/{ann.id}", auth=root)
    method, path, body = {
        "grant": ("DELETE", f"{HOLDERS}/{ann.id}/permissions/{USERS_TOO}", None),
        "membership": ("DELETE", f"{keepers}/members/{ann.id}", None),
        "group": ("PATCH", keepers, {"permissions": []}),
        "deactivation": ("PATCH", f"{USERS}/{ann.id}", {"isActive": False}),
    }[way]
    other = create_app(settings)
    async with other.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://b") as worker:
        assert (await worker.get(USERS, auth=ann)).status_code == 200
        assert (await client.request(method, path, json=body, auth=root)).is_success
        taken_at = asyncio.get_running_loop().time()
        asked = taken_at
        while (answer := await worker.get(USERS, auth=ann)).status_code == 200:
            assert asked < taken_at + 1.0
            await asyncio.sleep(0.02)
            asked = asyncio.get_running_loop().time()
        assert answer.status_code == (401 if way == "deactivation" else 403)


async def test_who_someone_is_and_what_they_may_is_one_statement(
    client: httpx.AsyncClient, granted: Callable, group: Callable, root: SignedIn, statements: Callable
) -> None:
    ann = await granted(PERMISSIONS, USERS_TOO)
    await client.put(f"{await group(USERS_TOO)}/members/{ann.id}", auth=root)
    with statements(at_most=1):
        answer = await client.get(f"{API}/me/permissions", auth=ann)
    assert answer.json() == {"permissions": [PERMISSIONS, USERS_TOO]}


async def test_a_token_may_no_more_than_both_its_user_and_its_scopes_allow(
    client: httpx.AsyncClient, root: SignedIn, granted: Callable, sign_in: Callable
) -> None:
    manager, ann = await granted(PERMISSIONS, USERS_TOO), await sign_in()
    wish = {"name": "limited", "scopes": [PERMISSIONS, "signed_in"]}
    made = (await client.post(NAMED, json=wish, auth=manager)).json()
    limited = {"Authorization": f"Bearer {made['token']}"}
    path = f"{HOLDERS}/{ann.id}/permissions"

    assert (await client.get(f"{API}/me/permissions", headers=limited)).json() == {"permissions": [PERMISSIONS]}
    assert (await client.get(USERS, headers=limited)).json()["errors"] == {"scope": ["forbidden"]}
    assert (await client.put(f"{path}/{PERMISSIONS}", headers=limited)).status_code == 204
    refused = await client.put(f"{path}/{USERS_TOO}", headers=limited)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
    await client.delete(f"{HOLDERS}/{manager.id}/permissions/{PERMISSIONS}", auth=root)
    assert (await client.get(GROUPS, headers=limited)).json()["errors"] == {"permission": ["forbidden"]}


# Nobody passes on what they do not hold


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


# Groups


async def test_a_group_is_made_read_renamed_and_removed(client: httpx.AsyncClient, root: SignedIn) -> None:
    made = await client.post(GROUPS, json={"name": " Editors ", "permissions": [USERS_TOO, PERMISSIONS]}, auth=root)

    assert made.status_code == 201
    assert made.headers["location"] == f"{GROUPS}/{made.json()['id']}"
    assert (made.json()["name"], made.json()["permissions"]) == ("Editors", [PERMISSIONS, USERS_TOO])
    path = made.headers["location"]
    assert (await client.get(path, auth=root)).json() == made.json()
    renamed = await client.patch(path, json={"name": "EDITORS"}, auth=root)
    assert renamed.json() == made.json() | {"name": "EDITORS"}
    assert (await client.patch(path, json={}, auth=root)).json() == renamed.json()
    assert (await client.delete(path, auth=root)).status_code == 204
    assert (await client.get(GROUPS, auth=root)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "  "}, [("/name", "blank")]),
        ({"name": "a\u202eb"}, [("/name", "invisible")]),
        (
            {"name": "x", "permissions": ["no.such", USERS_TOO, "signed_in"]},
            [("/permissions/0", "unknown"), ("/permissions/2", "unknown")],
        ),
        ({"name": "\u202e", "permissions": ["no.such"]}, [("/name", "invisible"), ("/permissions/0", "unknown")]),
    ],
    ids=["blank", "invisible", "unknown", "all at once"],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_all_that_is_wrong_with_a_group_is_said(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, method: str, body: dict, expected: list
) -> None:
    path = GROUPS if method == "POST" else await group()
    answer = await client.request(method, path, json=body, auth=root)
    assert answer.status_code == 422
    assert faults(answer) == expected


async def test_a_taken_name_is_a_conflict(client: httpx.AsyncClient, root: SignedIn, group: Callable) -> None:
    other = await group(name="Others")
    await group(name="Editors")
    for answer in (
        await client.post(GROUPS, json={"name": "EDITORS"}, auth=root),
        await client.patch(other, json={"name": "editors"}, auth=root),
    ):
        assert (answer.status_code, answer.json()["errors"]) == (409, {"name": ["has already been taken"]})


@pytest.mark.parametrize("count", [1, 30])
async def test_groups_and_their_members_are_listed_by_one_statement_in_slices_without_gaps(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, sign_in: Callable, statements: Callable, count: int
) -> None:
    paths = [await group(USERS_TOO, name=f"Group {number}") for number in range(count)]
    users = [await sign_in() for _ in range(count)]
    for user in users:
        await client.put(f"{paths[0]}/members/{user.id}", auth=root)

    for path, ids in (
        (GROUPS, [one.rpartition("/")[2] for one in paths]),
        (f"{paths[0]}/members", [str(user.id) for user in users]),
        (HOLDERS, [str(root.id), *(str(user.id) for user in users)]),
        (USERS, [str(root.id), *(str(user.id) for user in users)]),
    ):
        seen, after = [], {}
        while after is not None:
            with statements(at_most=2):
                answer = (await client.get(path, params={"limit": 7, **after}, auth=root)).json()
            seen += [item["id"] for item in answer["items"]]
            after = answer["next"] and {"after": answer["next"]}
        assert seen == ids[::-1], path


@pytest.mark.parametrize("path", [HOLDERS, USERS])
async def test_a_user_is_found_by_name_in_any_case(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, path: str
) -> None:
    ann = await sign_in("Ann")
    for name, found in (("ANN", [str(ann.id)]), ("nobody", [])):
        answer = await client.get(path, params={"username": name}, auth=root)
        assert [item["id"] for item in answer.json()["items"]] == found


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", f"{GROUPS}/{{missing}}", "group"),
        ("PATCH", f"{GROUPS}/{{missing}}", "group"),
        ("DELETE", f"{GROUPS}/{{missing}}", "group"),
        ("GET", f"{GROUPS}/{{missing}}/members", "group"),
        ("PUT", f"{GROUPS}/{{missing}}/members/{{user}}", "group"),
        ("PUT", "{group}/members/{missing}", "user"),
        ("DELETE", "{group}/members/{missing}", "user"),
        ("GET", f"{HOLDERS}/{{missing}}", "user"),
        ("PUT", f"{HOLDERS}/{{missing}}/permissions/{USERS_TOO}", "user"),
        ("DELETE", f"{HOLDERS}/{{missing}}/permissions/{USERS_TOO}", "user"),
        ("PUT", f"{HOLDERS}/{{user}}/permissions/no.such", "permission"),
        ("PUT", f"{HOLDERS}/{{user}}/permissions/signed_in", "permission"),
        ("GET", f"{USERS}/{{missing}}", "user"),
        ("PATCH", f"{USERS}/{{missing}}", "user"),
    ],
)
async def test_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, group: Callable, method: str, path: str, what: str
) -> None:
    user = await sign_in()
    filled = path.format(missing=MISSING, user=user.id, group=await group())
    answer = await client.request(method, filled, json={} if method == "PATCH" else None, auth=root)
    assert (answer.status_code, answer.json()["errors"]) == (404, {what: ["not found"]})


@pytest.mark.parametrize(
    ("method", "path", "body", "at_most"),
    [
        ("POST", GROUPS, {"name": "New", "permissions": [USERS_TOO]}, 7),
        ("PATCH", "{group}", {"name": "New", "permissions": [PERMISSIONS]}, 10),
        ("DELETE", "{group}", None, 7),
        ("PUT", "{group}/members/{user}", None, 8),
        ("DELETE", "{group}/members/{user}", None, 8),
        ("PUT", f"{HOLDERS}/{{user}}/permissions/{USERS_TOO}", None, 6),
        ("DELETE", f"{HOLDERS}/{{user}}/permissions/{PERMISSIONS}", None, 6),
        ("GET", f"{HOLDERS}/{{user}}", None, 3),
        ("GET", f"{API}/permissions", None, 1),
        ("GET", f"{USERS}/{{user}}", None, 2),
        ("PATCH", f"{USERS}/{{user}}", {"isActive": False, "isStaff": True}, 9),
    ],
    ids=str,
)
async def test_what_each_costs(
    client: httpx.AsyncClient,
    root: SignedIn,
    granted: Callable,
    group: Callable,
    statements: Callable,
    method: str,
    path: str,
    body: dict | None,
    at_most: int,
) -> None:
    user, keepers = await granted(PERMISSIONS), await group(USERS_TOO)
    await client.put(f"{keepers}/members/{user.id}", auth=root)
    with statements(at_most=at_most):
        answer = await client.request(method, path.format(user=user.id, group=keepers), json=body, auth=root)
    assert answer.is_success, answer.text


# What a user may, and whence


async def test_what_a_user_may_is_told_with_every_way_by_which_they_have_it(
    client: httpx.AsyncClient, root: SignedIn, granted: Callable, group: Callable
) -> None:
    ann = await granted(USERS_TOO)
    for name in ("Zoologists", "Admirals"):
        await client.put(f"{await group(USERS_TOO, name=name)}/members/{ann.id}", auth=root)
    await client.put(f"{await group(PERMISSIONS, name='Others')}/members/{ann.id}", auth=root)

    answer = (await client.get(f"{HOLDERS}/{ann.id}", auth=root)).json()

    assert answer["user"] == {
        "id": str(ann.id),
        "username": ann.username,
        "isActive": True,
        "isStaff": False,
        "isSuperuser": False,
    }
    assert await held(client, root, ann) == [
        (PERMISSIONS, False, ["Others"]),
        (USERS_TOO, True, ["Admirals", "Zoologists"]),
    ]
    assert [one["meaning"] for one in answer["held"]] == [MANAGE_PERMISSIONS.meaning, MANAGE_USERS.meaning]


async def test_a_superuser_may_all_that_is_declared(client: httpx.AsyncClient, root: SignedIn, app: Litestar) -> None:
    declared = [one.name for module in app.state.modules for one in module.permissions]
    assert [name for name, _, _ in await held(client, root, root)] == declared
    listed = (await client.get(f"{API}/permissions", auth=root)).json()["items"]
    assert [(one["name"], one["held"]) for one in listed] == [(name, True) for name in declared]


async def test_what_can_be_granted_says_what_one_holds_oneself(client: httpx.AsyncClient, granted: Callable) -> None:
    listed = (await client.get(f"{API}/permissions", auth=await granted(PERMISSIONS))).json()["items"]
    assert [one["name"] for one in listed if one["held"]] == [PERMISSIONS]
    assert len(listed) > 1


async def test_what_no_module_declares_any_more_is_told_as_such_and_can_be_taken_back(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, group: Callable, database_url: str
) -> None:
    ann, keepers = await sign_in(), await group(USERS_TOO)
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("INSERT INTO accounts_grant VALUES ($1, 'gone.hunt')", ann.id)
    await elsewhere.execute("INSERT INTO accounts_group_permission SELECT id, 'gone.hunt' FROM accounts_group")
    await elsewhere.close()

    [told] = (await client.get(f"{HOLDERS}/{ann.id}", auth=root)).json()["held"]
    assert (told["name"], told["meaning"], told["granted"]) == ("gone.hunt", None, True)
    assert (await client.get(f"{API}/me/permissions", auth=ann)).json() == {"permissions": []}
    assert (await client.put(f"{HOLDERS}/{ann.id}/permissions/gone.hunt", auth=root)).status_code == 404
    assert (await client.delete(f"{HOLDERS}/{ann.id}/permissions/gone.hunt", auth=root)).status_code == 204
    kept = await client.patch(keepers, json={"permissions": [USERS_TOO, "gone.hunt"]}, auth=root)
    assert kept.json()["permissions"] == [USERS_TOO, "gone.hunt"], "a list can be sent back as it came"
    assert (await client.patch(keepers, json={"permissions": [USERS_TOO]}, auth=root)).status_code == 200
    again = await client.patch(keepers, json={"permissions": ["gone.hunt"]}, auth=root)
    assert (again.status_code, faults(again)) == (422, [("/permissions/0", "unknown")])


async def test_what_hangs_on_a_user_goes_with_them(
    client: httpx.AsyncClient, root: SignedIn, granted: Callable, group: Callable, database_url: str
) -> None:
    ann, keepers = await granted(USERS_TOO), await group(USERS_TOO)
    await client.put(f"{keepers}/members/{ann.id}", auth=root)
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("DELETE FROM accounts_user WHERE id = $1", ann.id)
    await elsewhere.close()
    assert (await client.get(f"{keepers}/members", auth=root)).json()["items"] == []
    assert (await client.get(f"{HOLDERS}/{ann.id}", auth=root)).status_code == 404


async def test_of_two_who_put_the_same_user_into_the_same_group_both_succeed(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, sign_in: Callable
) -> None:
    ann, keepers = await sign_in(), await group(USERS_TOO)
    async with asyncio.TaskGroup() as tasks:
        path = f"{keepers}/members/{ann.id}"
        both = [tasks.create_task(client.put(path, auth=root)) for _ in range(4)]
    assert {task.result().status_code for task in both} == {204}
    assert len((await client.get(f"{keepers}/members", auth=root)).json()["items"]) == 1
    assert (await client.put(f"{keepers}/members/{uuid4()}", auth=root)).status_code == 404


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
        async with asyncio.timeout(30):
            while not (await database.reader().fetch(WAITING, ()))[0][0]:
                await asyncio.sleep(0.01)
        await other.execute("DELETE FROM accounts_grant WHERE permission = $1", USERS_TOO)
    await other.close()
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (403, "not_held")
    after = (await client.get(keepers, auth=root)).json()["permissions"]
    assert after == ([] if method == "PATCH" else [USERS_TOO])
    members = (await client.get(f"{keepers}/members", auth=root)).json()["items"]
    assert [one["id"] for one in members] == [str(member.id)]
