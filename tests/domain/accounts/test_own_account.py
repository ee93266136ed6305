"""One's own account ends by its password, which is guessed there no more often than elsewhere."""

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from config.rates import Rate
from tests.conftest import Outbox
from tests.domain.accounts.doors import ME, TOKENS, bearer
from tests.domain.accounts.factories import PASSWORD, TokenFactory
from tests.domain.accounts.links import OLD, OTHER
from tests.domain.accounts.stored import stored


async def test_an_account_is_deleted_by_its_password(
    client: httpx.AsyncClient, outbox: Outbox, token: str, database: Database
) -> None:
    wrong = await client.post(f"{ME}/deletion", json={"password": "a wrong guess"}, headers=bearer(token))
    assert (wrong.status_code, wrong.json()["errors"]) == (422, {"password": ["is not the right one"]})

    keyed = [bearer(token) | {"Idempotency-Key": key} for key in ("k-1", "k-2")]
    assert (await client.patch(ME, json={"bio": "I go"}, headers=keyed[0])).status_code == 200
    answer = await client.post(f"{ME}/deletion", json={"password": PASSWORD}, headers=keyed[1])

    assert (answer.status_code, answer.content) == (204, b"")
    assert await stored(database, "SELECT count(*) FROM platform_idempotency") == 0
    assert (await client.get(ME, headers=bearer(token))).status_code == 401
    assert await stored(database, "SELECT count(*) FROM accounts_user") == 0
    assert outbox.subjects == ["Your account is deleted"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("links/change", {"email": OTHER, "password": "wrong"}),
        ("me/deletion", {"password": "wrong"}),
        ("proof", {"password": "wrong"}),
    ],
    ids=["another address", "the end", "a proof"],
)
async def test_passwords_are_not_guessed_there_either(
    app: Litestar,
    client: httpx.AsyncClient,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, str],
) -> None:
    monkeypatch.setitem(app.state.settings.security.__dict__, "sign_in_limit", Rate(3, 3600))
    statuses = [
        (await client.post(f"/api/v1/accounts/{path}", json=body, headers=bearer(token))).status_code for _ in range(4)
    ]
    assert statuses == [422, 422, 422, 429]
    assert (await client.post(TOKENS, json={"email": OLD, "password": PASSWORD})).status_code == 429, "one account"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "links/verify"), ("POST", "links/change"), ("POST", "me/deletion"), ("GET", "me/export")],
    ids=["verify", "change", "deletion", "export"],
)
async def test_a_limited_token_comes_to_none_of_it(
    client: httpx.AsyncClient, database: Database, ann: User, method: str, path: str
) -> None:
    limited = await TokenFactory.clear_for(database, ann, scopes=["signed_in"])
    body = {"email": OTHER, "password": PASSWORD} if path == "links/change" else {"password": PASSWORD}
    answer = await client.request(
        method, f"/api/v1/accounts/{path}", json=body if method == "POST" else None, headers=bearer(limited)
    )
    assert (answer.status_code, answer.json()["errors"]) == (403, {"scope": ["forbidden"]})
