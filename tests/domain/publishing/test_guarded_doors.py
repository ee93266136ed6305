"""The doors of accounts in the RealWorld API: they know no cookies, and no way round a second factor."""

from hashlib import sha256

import httpx
import pytest

from app.domain.accounts.models import User
from app.domain.accounts.tokens import new_token
from app.platform.database.pools import Database
from tests.domain.accounts.factories import PASSWORD, TokenFactory, UserFactory, save

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def guarded(database: Database) -> User:
    """Somebody with a second factor."""
    return await UserFactory.saved(database, has_second_factor=True)


@pytest.mark.parametrize("headers", [OURS, {"Origin": "https://evil.example"}], ids=["our page", "another's"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/user"), ("PUT", "/api/user"), ("POST", "/api/articles")])
async def test_a_cookie_is_nobody_s(
    client: httpx.AsyncClient, database: Database, headers: dict, method: str, path: str
) -> None:
    user, clear = await UserFactory.saved(database), new_token(is_session=True)
    row = TokenFactory.build(user_id=user.id, digest=sha256(clear.encode()).digest(), is_session=True)
    await save(database, row)
    cookie = {"Cookie": f"session={clear}"}
    assert (await client.get("/api/v1/accounts/me", headers=cookie)).status_code == 200
    answer = await client.request(method, path, headers=headers | cookie, json={})
    assert (answer.status_code, answer.json()["errors"]) == (401, {"token": ["is missing"]})


async def test_who_has_a_second_factor_is_told_where_to_sign_in(client: httpx.AsyncClient, guarded: User) -> None:
    user = {"email": guarded.email, "password": PASSWORD}
    answer = await client.post("/api/users/login", json={"user": user})
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    assert "POST /api/v1/accounts/tokens" in answer.json()["detail"]
    wrong = await client.post("/api/users/login", json={"user": user | {"password": "not hers at all"}})
    assert wrong.json()["errors"] == {"credentials": ["invalid"]}


@pytest.mark.parametrize(
    ("change", "status"),
    [({"password": "a new, long one"}, 403), ({"email": "new@example.com"}, 403), ({"bio": "b"}, 200)],
    ids=["password", "address", "profile"],
)
async def test_who_has_a_second_factor_proves_who_they_are_first(
    client: httpx.AsyncClient, database: Database, guarded: User, change: dict, status: int
) -> None:
    headers = {"Authorization": f"Token {await TokenFactory.clear_for(database, guarded)}"}
    answer = await client.put("/api/user", json={"user": change}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "proof_needed"
        proved = await client.post("/api/v1/accounts/proof", json={"password": PASSWORD}, headers=headers)
        assert proved.status_code == 200
        assert (await client.put("/api/user", json={"user": change}, headers=headers)).status_code == 200
