"""Who may do what, by groups and by grants: said through the API, and true of the next request."""

import asyncio
from collections.abc import Callable

import asyncpg
import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from app.main import create_app
from config.settings import Settings
from tests.conftest import SignedIn
from tests.domain.accounts.doors import BASE, NAMED, USERS, faults
from tests.domain.accounts.holders import GROUPS, HOLDERS, PERMISSIONS, USERS_TOO, held


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
        answer = await client.get(f"{BASE}/me/permissions", auth=ann)
    assert answer.json() == {"permissions": [PERMISSIONS, USERS_TOO]}


async def test_a_token_may_no_more_than_both_its_user_and_its_scopes_allow(
    client: httpx.AsyncClient, root: SignedIn, granted: Callable, sign_in: Callable
) -> None:
    manager, ann = await granted(PERMISSIONS, USERS_TOO), await sign_in()
    wish = {"name": "limited", "scopes": [PERMISSIONS, "signed_in"]}
    made = (await client.post(NAMED, json=wish, auth=manager)).json()
    limited = {"Authorization": f"Bearer {made['token']}"}
    path = f"{HOLDERS}/{ann.id}/permissions"

    assert (await client.get(f"{BASE}/me/permissions", headers=limited)).json() == {"permissions": [PERMISSIONS]}
    assert (await client.get(USERS, headers=limited)).json()["errors"] == {"scope": ["forbidden"]}
    assert (await client.put(f"{path}/{PERMISSIONS}", headers=limited)).status_code == 204
    refused = await client.put(f"{path}/{USERS_TOO}", headers=limited)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
    await client.delete(f"{HOLDERS}/{manager.id}/permissions/{PERMISSIONS}", auth=root)
    assert (await client.get(GROUPS, headers=limited)).json()["errors"] == {"permission": ["forbidden"]}


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
    listed = (await client.get(f"{BASE}/permissions", auth=root)).json()["items"]
    assert [(one["name"], one["held"]) for one in listed] == [(name, True) for name in declared]


async def test_what_can_be_granted_says_what_one_holds_oneself(client: httpx.AsyncClient, granted: Callable) -> None:
    listed = (await client.get(f"{BASE}/permissions", auth=await granted(PERMISSIONS))).json()["items"]
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
    assert (await client.get(f"{BASE}/me/permissions", auth=ann)).json() == {"permissions": []}
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
