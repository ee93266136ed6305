"""Signing up and in by the RealWorld API: what its doors share with those of accounts, and where they are laxer."""

from dataclasses import replace

import httpx
import pytest
from litestar import Litestar

from app.platform.openapi.document import document
from config.settings import Settings
from tests.conftest import Outbox
from tests.domain.accounts.factories import PASSWORD

LINKS = "/api/v1/accounts/links"


async def test_these_doors_are_throttled_too(app: Litestar) -> None:
    paths = document(app)["paths"]
    assert all("429" in paths[path]["post"]["responses"] for path in ("/api/users", "/api/users/login"))


@pytest.mark.parametrize("is_strict", [False, True], ids=["lenient", "strict"])
async def test_the_doors_of_realworld_ask_for_a_length_alone_unless_the_settings_close_them(
    app: Litestar, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, settings: Settings, is_strict: bool
) -> None:
    security = settings.security.model_copy(update={"strict_passwords": is_strict})
    monkeypatch.setattr(app.state, "settings", replace(settings, security=security))
    ann = {"username": "ann", "email": "ann@example.com", "password": PASSWORD}
    joined = await client.post("/api/users", json={"user": ann})
    auth = {"Authorization": f"Token {joined.json()['user']['token']}"}
    bea = {"username": "bea", "email": "bea@example.com", "password": "12345678"}

    answers = [
        await client.post("/api/users", json={"user": bea}),
        await client.put("/api/user", json={"user": {"password": "password"}}, headers=auth),
    ]

    assert [answer.status_code for answer in answers] == ([422, 422] if is_strict else [201, 200])


@pytest.fixture
async def ann(client: httpx.AsyncClient, outbox: Outbox) -> dict[str, str]:
    """The headers of somebody who has joined here, and has confirmed their address."""
    user = {"username": "ann", "email": "ann@example.com", "password": PASSWORD}
    token = (await client.post("/api/users", json={"user": user})).raise_for_status().json()["user"]["token"]
    assert outbox.subjects == ["Confirm your address"]
    followed = await client.post(f"{LINKS}/verify/follow", json={"token": outbox.token("ann@example.com")})
    assert followed.status_code == 204
    return {"Authorization": f"Token {token}"}


async def test_an_address_that_changes_at_once_is_not_confirmed_and_the_old_one_is_told(
    client: httpx.AsyncClient, outbox: Outbox, ann: dict[str, str]
) -> None:
    await client.post(f"{LINKS}/reset", json={"email": "ann@example.com"})
    before = outbox.token("ann@example.com")
    changed = await client.put("/api/user", json={"user": {"email": "ann@example.org", "bio": "x"}}, headers=ann)
    assert (changed.status_code, changed.json()["user"]["email"]) == (200, "ann@example.org")

    assert (await client.get("/api/v1/accounts/me", headers=ann)).json()["emailVerifiedAt"] is None
    assert outbox.to("ann@example.com")[-1].subject == "Your address was changed"
    assert "ann@example.org" in outbox.to("ann@example.com")[-1].text
    dead = await client.post(f"{LINKS}/reset/follow", json={"token": before, "password": "another of today"})
    assert dead.status_code == 410


async def test_what_is_sent_back_unchanged_changes_nothing_of_the_address(
    client: httpx.AsyncClient, outbox: Outbox, ann: dict[str, str]
) -> None:
    body = {"user": {"email": " ann@EXAMPLE.com ", "username": "ann", "bio": "x"}}
    assert (await client.put("/api/user", json=body, headers=ann)).status_code == 200
    assert (await client.get("/api/v1/accounts/me", headers=ann)).json()["emailVerifiedAt"] is not None
    assert outbox.subjects == ["Confirm your address"]


async def test_one_setting_closes_that_door(
    app: Litestar,
    client: httpx.AsyncClient,
    ann: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    security = settings.security.model_copy(update={"strict_addresses": True})
    monkeypatch.setattr(app.state, "settings", replace(settings, security=security))

    refused = await client.put("/api/user", json={"user": {"email": "ann@example.org", "bio": "x"}}, headers=ann)
    assert (refused.status_code, refused.json()["violations"][0]["code"]) == (422, "unconfirmed")
    joining = {"username": "bea", "email": "bea@example.com", "password": PASSWORD}
    assert (await client.post("/api/users", json={"user": joining})).json()["code"] == "by_link_alone"
    unchanged = await client.put("/api/user", json={"user": {"email": "ann@example.com", "bio": "x"}}, headers=ann)
    assert (unchanged.status_code, unchanged.json()["user"]["bio"]) == (200, "x")
