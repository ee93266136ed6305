"""Users, groups, sessions and invitations at the admin site: what the services refuse over the API they refuse here."""

import re
from collections.abc import Awaitable, Callable

import pytest

from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from app.domain.webhooks.permissions import MANAGE_WEBHOOKS
from app.platform.database.pools import Database
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser

Enter = Callable[..., Awaitable[Browser]]
SECRETS = re.compile(r"\$argon2|[0-9a-f]{64}|lh[st]?_")
STANDING = {"is_active": "on"}


@pytest.fixture
async def manager(staff: Enter) -> Browser:
    return await staff(MANAGE_USERS, MANAGE_PERMISSIONS)


async def rows(database: Database, sql: str, *values: object) -> list[tuple]:
    return [tuple(row) for row in await database.reader().fetch(sql, values)]


async def test_who_manages_users_makes_one_and_says_what_they_may(manager: Browser, database: Database, outbox):
    form = await manager.page("/users/new")
    given = {"username": "ahab", "email": "ahab@example.com", "password": "the white whale 1851"}
    refused = await manager.submit(form, "/users/new", 422, **given | {"username": manager.user.username})
    assert "has already been taken" in refused.text
    assert "1851" not in refused.text
    refused = await manager.submit(form, "/users/new", 422, **given | {"email": "nobody", "password": "ahab"})
    assert all(re.search(rf'id="field-{name}-note"', refused.text) for name in ("email", "password"))
    made = await manager.submit(form, "/users/new", **given)
    path = made.headers["location"].removeprefix("/admin")
    assert outbox.recipients == ["ahab@example.com"]

    made = await manager.submit(await manager.page("/groups/new"), "/groups/new", name="Crew", permissions=[])
    group = made.headers["location"].rpartition("/")[2]
    form = await manager.page(f"{path}/edit")
    assert 'name="is_superuser"' not in form
    held = {"groups": group, "permissions": MANAGE_USERS.name}
    await manager.submit(form, f"{path}/edit", **STANDING, **held)
    shown = await manager.page(path)
    assert all(text in shown for text in ("Crew", MANAGE_USERS.name))
    # What they do not hold themselves, they hand to nobody; nothing else of the form is done either.
    form = await manager.page(f"{path}/edit")
    refused = await manager.submit(form, f"{path}/edit", 422, permissions=[MANAGE_USERS.name, MANAGE_WEBHOOKS.name])
    assert re.search(r'id="field-permissions-note".*?must be held', refused.text, re.DOTALL)
    assert await rows(database, "SELECT is_active, is_superuser FROM accounts_user WHERE username = 'ahab'") == [
        (True, False)
    ]
    await manager.submit(form, f"{path}/edit", **STANDING)
    assert await rows(database, "SELECT permission FROM accounts_grant WHERE user_id::text = $1", path[7:]) == []
    assert await rows(database, "SELECT 1 FROM accounts_membership") == []
    late = await manager.submit(form, f"{path}/edit", 422, **STANDING, **held)
    assert "<ins>" in late.text
    assert not SECRETS.search(shown + form + late.text + await manager.page("/users"))


async def test_nobody_rises_above_what_they_hold(manager: Browser, staff: Enter, sign_in, database: Database):
    chief, other = await staff(is_superuser=True), await sign_in("ishmael")
    own, chiefs = f"/users/{manager.user.id}", f"/users/{chief.user.id}"
    for path in (own, chiefs, f"/users/{other.id}"):
        form = await manager.page(f"{path}/edit")
        await manager.submit(form, f"{path}/edit", **STANDING, is_superuser="on", is_staff="on")
    listed = await manager.page("/users")
    assert "action/make_staff" not in listed
    await manager.submit(listed, "/users/action/make_staff", 404, keys=str(other.id))
    for verb in ("deactivate", "sign_out"):
        await manager.submit(listed, f"/users/action/{verb}", keys=[str(chief.user.id), str(other.id)])
    await manager.submit(listed, "/users/action/deactivate", keys=str(manager.user.id))
    assert "must be another than yourself" in await manager.page("/users")
    standing = (
        "SELECT username FROM accounts_user WHERE NOT is_active OR is_superuser OR is_staff ORDER BY is_superuser"
    )
    assert await rows(database, standing) == [(manager.user.username,), (chief.user.username,)]

    await chief.submit(await chief.page("/users"), "/users/action/make_staff", keys=str(other.id))
    await manager.submit(listed, "/users/action/sign_out", keys=str(other.id))
    await manager.submit(listed, "/users/action/deactivate", keys=str(other.id))
    told = "SELECT is_active, is_staff, (SELECT count(*) FROM accounts_token WHERE user_id = u.id) FROM accounts_user u"
    assert await rows(database, f"{told} WHERE username = 'ishmael'") == [(False, True, 0)]


async def test_sessions_end_and_links_are_mailed(
    manager: Browser, sign_in, client, database: Database, aside: Aside, outbox
):
    other = await sign_in("queequeg")
    await (await aside.connection()).execute(
        "UPDATE accounts_token SET device = 'The Pequod' WHERE user_id = $1", other.id
    )
    assert "The Pequod" in await manager.page("/-/search?q=queequeg")  # a key would tell nobody anything
    listed = await manager.page("/tokens?q=QUEE")
    [key] = set(re.findall(r"/admin/tokens/([0-9a-f-]{36})", listed))
    for term, is_found in {"qu": True, "ee": False, "equ": True, "Q": True, "@": False, "-q": False}.items():
        assert (key in await manager.page(f"/tokens?q={term}")) == is_found, (
            f"{term}: short ones are looked for in front"
        )
    assert not SECRETS.search(listed + await manager.page(f"/tokens/{key}"))
    await manager.page("/tokens/new", 404)
    await manager.submit(listed, f"/tokens/{key}/delete")
    assert (await client.get("/api/v1/accounts/me", auth=other)).status_code == 401
    await manager.submit(await manager.page("/users"), "/users/action/mail_reset", keys=str(other.id))
    assert outbox.recipients == [other.email]

    form = await manager.page("/invitations/new")
    refused = await manager.submit(form, "/invitations/new", 422, email=other.email)
    assert "already" in refused.text
    made = await manager.submit(form, "/invitations/new", email="starbuck@example.com")
    assert outbox.recipients[-1] == "starbuck@example.com"
    path = made.headers["location"].removeprefix("/admin")
    assert manager.user.username in await manager.page(path)
    await manager.submit(await manager.page("/invitations"), f"{path}/delete")
    assert await rows(database, "SELECT 1 FROM accounts_invitation") == []


async def test_groups_are_changed_by_who_holds_what_they_give(manager: Browser, staff: Enter, database: Database):
    chief = await staff(is_superuser=True)
    form = await manager.page("/groups/new")
    refused = await manager.submit(form, "/groups/new", 422, name=" ", permissions=MANAGE_WEBHOOKS.name)
    assert "required" in refused.text
    refused = await manager.submit(form, "/groups/new", 422, name="Crew", permissions=MANAGE_WEBHOOKS.name)
    assert re.search(r'id="field-permissions-note".*?must be held', refused.text, re.DOTALL)
    made = await chief.submit(
        await chief.page("/groups/new"), "/groups/new", name="Harpooners", permissions=MANAGE_WEBHOOKS.name
    )
    path = made.headers["location"].removeprefix("/admin")
    form = await manager.page(f"{path}/edit")
    await manager.submit(form, f"{path}/edit", name="Harpooneers", permissions=MANAGE_WEBHOOKS.name)
    form = await manager.page(f"{path}/edit")
    refused = await manager.submit(form, f"{path}/edit", 422, name="Harpooneers", permissions="")
    assert re.search(r'id="field-permissions-note".*?must be held', refused.text, re.DOTALL)
    await manager.submit(form, f"{path}/delete")
    assert "must be held" in await manager.page("/groups")
    given = "SELECT name, permission FROM accounts_group JOIN accounts_group_permission ON group_id = id"
    assert await rows(database, given) == [("Harpooneers", MANAGE_WEBHOOKS.name)]
    await chief.submit(await chief.page(path), f"{path}/delete")
    assert await rows(database, given) == []


async def test_each_page_is_for_who_holds_its_permission(staff: Enter, manager: Browser, statements):
    users = ("/users", "/tokens", "/invitations", f"/users/{manager.user.id}", f"/users/{manager.user.id}/edit")
    for one, seen, hidden in (
        (await staff(), (), (*users, "/groups")),
        (await staff(MANAGE_USERS), users, ("/groups",)),
        (await staff(MANAGE_PERMISSIONS), ("/groups",), users),
    ):
        index = await one.page("/")
        for path in seen:
            assert path.count("/") > 1 or f'href="/admin{path}"' in index
            html = await one.page(path)
            assert MANAGE_PERMISSIONS.name not in html or path == "/groups"  # what others may is not theirs to see
        for path in hidden:
            assert f'href="/admin{path}"' not in index
            await one.page(path, 404)
    for path in ("/users", "/tokens", "/groups", "/invitations"):
        with statements(at_most=9):
            await manager.page(path)
