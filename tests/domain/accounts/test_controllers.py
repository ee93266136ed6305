"""One's own account from outside: what is read and changed of it, and what nobody is told."""

from collections.abc import Callable

import httpx
import pytest

from app.domain.accounts.models import Token, User
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from tests.domain.accounts.doors import ME, TOKENS, USERS, bearer, faults
from tests.domain.accounts.factories import SignUpFactory, TokenFactory


@pytest.mark.parametrize(
    "column", ["id", "is_active", "is_staff", "is_superuser", "isActive", "isStaff", "isSuperuser", "createdAt"]
)
async def test_no_other_column_can_be_changed(client: httpx.AsyncClient, sign_in: Callable, column: str) -> None:
    answer = await client.patch(ME, json={column: True}, auth=await sign_in())
    assert (answer.status_code, faults(answer)) == (422, [(f"/{column}", "unknown")])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ME), ("PATCH", ME), ("GET", TOKENS), ("DELETE", TOKENS), ("DELETE", f"{TOKENS}/current")],
    ids=" ".join,
)
async def test_who_is_not_signed_in_is_refused(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["errors"]) == (401, {"token": ["is missing"]})


async def test_ones_own_account_costs_two_statements(
    client: httpx.AsyncClient, sign_in: Callable, statements: Callable
) -> None:
    me = await sign_in()
    with statements(at_most=2):
        answer = await client.get(ME, auth=me)
    assert (answer.status_code, answer.json()["id"]) == (200, str(me.id))


async def test_what_is_left_out_of_a_change_stays(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in("ann")
    first = (await client.patch(ME, json={"bio": "I sail.", "displayName": " Ann "}, auth=me)).json()
    second = (await client.patch(ME, json={"image": "<b>x</b>"}, auth=me)).json()

    assert (first["bio"], first["displayName"], first["image"]) == ("I sail.", "Ann", None)
    assert second == first | {"image": "<b>x</b>", "updatedAt": second["updatedAt"]}
    assert second["updatedAt"] > first["updatedAt"]
    assert (await client.patch(ME, json={}, auth=me)).json() == second


@pytest.mark.parametrize("nothing", ["", None], ids=["empty", "null"])
async def test_a_blank_text_of_the_profile_is_removed(
    client: httpx.AsyncClient, sign_in: Callable, nothing: str | None
) -> None:
    me = await sign_in()
    await client.patch(ME, json={"bio": "b", "image": "i", "displayName": "d"}, auth=me)

    answer = await client.patch(ME, json=dict.fromkeys(["bio", "image", "displayName"], nothing), auth=me)

    assert [answer.json()[field] for field in ("bio", "image", "displayName")] == [None] * 3


async def test_a_name_changes_at_once_and_an_address_never(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in()
    refused = await client.patch(ME, json={"username": "Ann", "email": "ann@example.org"}, auth=me)
    assert (refused.status_code, faults(refused)) == (422, [("/email", "unknown")])
    answer = await client.patch(ME, json={"username": "Ann"}, auth=me)
    assert (answer.status_code, answer.json()["username"], answer.json()["email"]) == (200, "Ann", me.email)
    assert (await client.get(ME, auth=me)).json() == answer.json()


async def test_a_name_of_another_cannot_be_taken(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me, other = await sign_in(), await sign_in()
    answer = await client.patch(ME, json={"username": other.username.upper(), "bio": "x"}, auth=me)
    assert (answer.status_code, answer.json()["errors"]) == (409, {"username": ["has already been taken"]})
    assert (await client.get(ME, auth=me)).json()["bio"] is None


async def test_all_that_is_wrong_with_a_change_is_said_at_once(client: httpx.AsyncClient, sign_in: Callable) -> None:
    body = {"username": "", "password": "", "displayName": "a\u202eb"}
    answer = await client.patch(ME, json=body, auth=await sign_in())
    assert answer.status_code == 422
    assert faults(answer) == [
        ("/username", "blank"),
        ("/password", "blank"),
        ("/displayName", "invisible"),
    ]


async def test_a_new_password_ends_all_other_tokens(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me, other = await sign_in(), await sign_in()
    second = await TokenFactory.clear_for(database, User(id=me.id))

    answer = await client.patch(ME, json={"password": "a new password"}, auth=me)

    assert answer.status_code == 200
    assert (await client.get(ME, auth=me)).status_code == 200
    assert (await client.get(ME, headers=bearer(second))).status_code == 401
    assert (await client.get(ME, auth=other)).status_code == 200
    signed_in = await client.post(TOKENS, json={"email": me.email, "password": "a new password"})
    assert signed_in.status_code == 201


async def test_no_password_hash_or_token_is_told_but_where_declared(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    body = SignUpFactory.body(password="canary-in-the-coal-mine")
    made = (await client.post(USERS, json=body)).json()
    signed_in = (await client.post(TOKENS, json={"email": body["email"], "password": body["password"]})).json()
    tokens = [made.pop("token"), signed_in.pop("token")]
    me = bearer(tokens[0])
    said = [
        made,
        signed_in,
        (await client.post(USERS, json=body)).json(),
        (await client.post(TOKENS, json={"email": body["email"], "password": "canary-in-the-pit"})).json(),
        (await client.post(USERS, json=body | {"password": ["canary-in-the-list"]})).json(),
        (await client.get(ME, headers=me)).json(),
        (await client.patch(ME, json={"password": "canary-in-the-cage"}, headers=me)).json(),
        (await client.get(TOKENS, headers=me)).json(),
        (await client.get(ME, headers=bearer(tokens[1]))).json(),
    ]
    flush_log()

    log = capfd.readouterr().out
    for secret in (*tokens, "canary", "$argon2", "digest"):
        assert secret not in str(said)
        assert secret not in log
    assert log.count(USERS) >= 3
    assert {Token.__tablename__, User.__tablename__}.isdisjoint(log.split())
