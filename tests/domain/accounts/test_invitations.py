"""Invitations: whoever manages users brings others in, and passes on nothing that they do not hold."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from litestar import Litestar

from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_PROVIDERS, MANAGE_USERS
from app.domain.accounts.user_commands import invite
from config.rates import Rate
from config.settings import Settings
from tests.conftest import Aside, Outbox, SignedIn
from tests.domain.accounts.doors import BASE
from tests.domain.accounts.factories import PASSWORD

INVITATIONS, GROUPS = f"{BASE}/invitations", f"{BASE}/groups"


@pytest.fixture
def grant(client: httpx.AsyncClient, root: SignedIn) -> Callable:
    async def grant(user: SignedIn, *permissions: str) -> None:
        for name in permissions:
            path = f"{BASE}/holders/{user.id}/permissions/{name}"
            (await client.put(path, auth=root)).raise_for_status()

    return grant


@pytest.fixture
async def manager(sign_in: Callable, grant: Callable) -> SignedIn:
    """Somebody who manages users and permissions, and nothing more."""
    manager = await sign_in("manager")
    await grant(manager, MANAGE_USERS.name, MANAGE_PERMISSIONS.name)
    return manager


@pytest.fixture
def group(client: httpx.AsyncClient, root: SignedIn) -> Callable:
    """Make a group of this name; its id."""

    async def make(name: str, *permissions: str) -> str:
        made = await client.post(GROUPS, json={"name": name, "permissions": list(permissions)}, auth=root)
        return made.raise_for_status().json()["id"]

    return make


@pytest.fixture
def send(client: httpx.AsyncClient) -> Callable:
    async def send(by: SignedIn, email: str, *groups: str) -> httpx.Response:
        return await client.post(INVITATIONS, json={"email": email, "groups": groups}, auth=by)

    return send


@pytest.fixture
def join(client: httpx.AsyncClient) -> Callable:
    async def join(secret: str, username: str = "Bea") -> httpx.Response:
        body = {"token": secret, "username": username, "password": PASSWORD}
        return await client.post(f"{BASE}/links/join/follow", json=body)

    return join


async def listed(client: httpx.AsyncClient, by: SignedIn) -> list[dict[str, Any]]:
    return (await client.get(INVITATIONS, auth=by)).raise_for_status().json()["items"]


async def test_who_is_invited_joins_where_nobody_else_can_and_is_in_the_groups(
    client: httpx.AsyncClient,
    manager: SignedIn,
    send: Callable,
    join: Callable,
    group: Callable,
    outbox: Outbox,
    app: Litestar,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "direct_sign_up", False)
    editors = await group("Editors", MANAGE_USERS.name)

    made = await send(manager, " bea@EXAMPLE.com", editors)
    sent = made.json()
    assert (made.status_code, made.headers["location"]) == (201, f"{INVITATIONS}/{sent['id']}")
    assert sent | {"id": "", "createdAt": "", "expiresAt": ""} == {
        "id": "",
        "email": "bea@example.com",
        "groups": ["Editors"],
        "inviter": "manager",
        "createdAt": "",
        "expiresAt": "",
        "acceptedAt": None,
        "userId": None,
    }
    assert await listed(client, manager) == [sent]
    [mail] = outbox.to("bea@example.com")
    assert (mail.subject, "for 7 days" in mail.text, "/account/join?token=lh_link_" in mail.text) == (
        "You are invited",
        True,
        True,
    )
    secret = outbox.token("bea@example.com")
    page = await client.get("/account/join", params={"token": secret})
    assert (page.status_code, "bea@example.com" in page.text) == (200, True)

    joined = await join(secret)
    bea = joined.json()
    assert (joined.status_code, bea["user"]["email"], bea["user"]["emailVerifiedAt"] is None) == (
        201,
        "bea@example.com",
        False,
    )
    as_bea = {"Authorization": f"Bearer {bea['token']}"}
    assert (await client.get(f"{BASE}/me/permissions", headers=as_bea)).json() == {"permissions": [MANAGE_USERS.name]}
    [accepted] = await listed(client, manager)
    assert (accepted["userId"], accepted["acceptedAt"] is None) == (bea["user"]["id"], False)
    exported = (await client.get(f"{BASE}/me/export", headers=as_bea)).json()["modules"]["accounts"]
    assert [one["email"] for one in exported["invitations"]] == ["bea@example.com"]

    assert (await join(secret, "Bea II")).status_code == 410, "it is good once"
    refused = await client.delete(f"{INVITATIONS}/{sent['id']}", auth=manager)
    assert (refused.status_code, list(refused.json()["errors"])) == (409, ["invitation"])
    again = await send(manager, "BEA@example.com")
    assert (again.status_code, again.json()["errors"]) == (409, {"email": ["is a user's already"]})


async def test_one_that_is_taken_back_or_replaced_or_expired_is_dead(
    client: httpx.AsyncClient, manager: SignedIn, send: Callable, join: Callable, outbox: Outbox, aside: Aside
) -> None:
    first = (await send(manager, "bea@example.com")).json()
    old = outbox.token("bea@example.com")
    second = (await send(manager, "Bea@example.com")).json()
    assert [one["id"] for one in await listed(client, manager)] == [second["id"]] != [first["id"]]
    assert (await join(old)).status_code == 410

    assert (await client.delete(f"{INVITATIONS}/{second['id']}", auth=manager)).status_code == 204
    assert (await client.delete(f"{INVITATIONS}/{second['id']}", auth=manager)).status_code == 404
    assert (await join(outbox.token("Bea@example.com"))).status_code == 410

    await send(manager, "cyd@example.com")
    await (await aside.connection()).execute("UPDATE accounts_invitation SET expires_at = now()")
    assert (await join(outbox.token("cyd@example.com"))).status_code == 410


async def test_nobody_passes_on_what_they_do_not_hold(
    client: httpx.AsyncClient, manager: SignedIn, sign_in: Callable, grant: Callable, send: Callable, group: Callable
) -> None:
    above, empty = await group("Above", MANAGE_USERS.name, MANAGE_PROVIDERS.name), await group("Empty")
    refused = await send(manager, "bea@example.com", above)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
    assert MANAGE_PROVIDERS.name in refused.text

    usher = await sign_in("usher")
    assert (await send(usher, "bea@example.com")).status_code == 403
    assert (await client.get(INVITATIONS, auth=usher)).status_code == 403
    await grant(usher, MANAGE_USERS.name)
    into_groups = await send(usher, "bea@example.com", empty)
    assert (into_groups.status_code, list(into_groups.json()["errors"])) == (403, ["groups"])
    unknown = await send(manager, "bea@example.com", empty, str(manager.id))
    assert [(one["pointer"], one["code"]) for one in unknown.json()["violations"]] == [("/groups/1", "unknown")]
    assert await listed(client, manager) == []
    assert (await send(usher, "bea@example.com")).status_code == 201


@pytest.mark.parametrize("loss", ["permission", "standing", "group"])
async def test_it_is_good_for_as_long_as_its_sender_could_send_it(
    client: httpx.AsyncClient,
    root: SignedIn,
    manager: SignedIn,
    send: Callable,
    join: Callable,
    group: Callable,
    outbox: Outbox,
    loss: str,
) -> None:
    editors = await group("Editors", MANAGE_USERS.name)
    assert (await send(manager, "bea@example.com", editors)).status_code == 201
    if loss == "permission":
        path = f"{BASE}/holders/{manager.id}/permissions/{MANAGE_USERS.name}"
        assert (await client.delete(path, auth=root)).status_code == 204
    elif loss == "standing":
        await client.patch(f"{BASE}/users/{manager.id}", json={"isActive": False}, auth=root)
    else:  # it gives more by now than the sender holds
        body = {"permissions": [MANAGE_USERS.name, MANAGE_PROVIDERS.name]}
        assert (await client.patch(f"{GROUPS}/{editors}", json=body, auth=root)).status_code == 200
    assert (await join(outbox.token("bea@example.com"))).status_code == 410
    assert (await client.get(f"{BASE}/users", params={"username": "bea"}, auth=root)).json()["items"] == []


async def test_a_group_that_is_gone_is_left_out_and_a_taken_name_keeps_it_good(
    client: httpx.AsyncClient, root: SignedIn, send: Callable, join: Callable, group: Callable, outbox: Outbox
) -> None:
    gone = await group("Gone")
    await send(root, "bea@example.com", gone, await group("Here"))
    await client.delete(f"{GROUPS}/{gone}", auth=root)
    secret = outbox.token("bea@example.com")
    assert (await join(secret, "ROOT")).json()["errors"] == {"username": ["has already been taken"]}
    joined = await join(secret)
    held = await client.get(f"{BASE}/me/export", headers={"Authorization": f"Bearer {joined.json()['token']}"})
    assert held.json()["modules"]["accounts"]["groups"] == ["Here"]


async def test_nobody_is_mailed_over_and_over(
    manager: SignedIn, send: Callable, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.settings.mail.__dict__, "mail_limit", Rate(2, 3600))
    answers = [(await send(manager, email)).status_code for email in ("b@example.com", "B@example.com") * 2]
    assert answers == [201, 201, 429, 429]


async def test_an_operator_invites_by_the_name_of_a_group(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, settings: Settings
) -> None:
    await group("Editors", MANAGE_PROVIDERS.name)
    arguments = ["bea@example.com", "--group", "editors"]
    done = await asyncio.to_thread(CliRunner().invoke, invite, arguments, obj=settings)
    assert (done.exit_code, "bea@example.com is invited until 20" in done.output) == (0, True), done.output
    [sent] = await listed(client, root)
    assert (sent["groups"], sent["inviter"]) == (["Editors"], None)
    refused = await asyncio.to_thread(CliRunner().invoke, invite, ["c@example.com", "--group", "None"], obj=settings)
    assert refused.exit_code == 1
