"""Signing up and in by the RealWorld API: what its doors share with those of accounts, and where they are laxer."""

from dataclasses import replace

import httpx
import pytest
from litestar import Litestar

from app.platform.openapi.document import document
from config.settings import Settings
from tests.domain.accounts.factories import PASSWORD

pytestmark = pytest.mark.usefixtures("cheap_passwords")


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
