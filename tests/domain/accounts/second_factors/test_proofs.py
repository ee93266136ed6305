"""What endangers an account wants a recent proof, and nothing else does."""

from collections.abc import Callable

import httpx
import pytest

from app.platform.database.pools import Database
from tests.domain.accounts.doors import BASE, ME, PROOF, SESSION, TOKENS
from tests.domain.accounts.factories import PASSWORD
from tests.domain.accounts.second_factors.guarded import FACTORS, TOTP, Guarded


async def grow_stale(database: Database) -> None:
    """All proofs are of long ago."""
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_token SET proved_at = now() - interval '15 minutes'", ()))


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is known for a second."""
    monkeypatch.setattr("app.platform.security.KNOWN_SECONDS", 0.0)


SENSITIVE = [
    ("POST", TOTP, None),
    ("POST", f"{TOTP}/confirmation", {"code": "123456"}),
    ("DELETE", TOTP, None),
    ("POST", f"{FACTORS}/recovery-codes", None),
    ("POST", f"{TOKENS}/named", {"name": "x"}),
    ("PATCH", ME, {"password": "a new, long one"}),
    ("POST", f"{BASE}/links/change", {"email": "new@example.com", "password": PASSWORD}),
    ("POST", f"{ME}/deletion", {"password": PASSWORD}),
]


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE, ids=str)
async def test_what_endangers_an_account_wants_a_recent_proof(
    ann: Guarded, database: Database, method: str, path: str, body: dict | None
) -> None:
    await grow_stale(database)
    answer = await ann.client.request(method, path, json=body, headers=ann.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "proof_needed")
    assert "POST /api/v1/accounts/proof" in answer.json()["detail"]
    assert (await ann.client.post(PROOF, json={"code": ann.code()}, headers=ann.headers)).status_code == 200
    assert (await ann.client.request(method, path, json=body, headers=ann.headers)).status_code != 403


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", ME, {"bio": "b"}),
        ("POST", f"{TOKENS}/named", {"name": "x", "scopes": ["signed_in"]}),
        ("GET", ME, None),
    ],
    ids=str,
)
async def test_what_endangers_nothing_wants_none(
    ann: Guarded, database: Database, method: str, path: str, body: dict | None
) -> None:
    await grow_stale(database)
    assert (await ann.client.request(method, path, json=body, headers=ann.headers)).is_success


@pytest.mark.usefixtures("forgetful")
async def test_without_a_second_factor_only_setting_one_up_wants_a_proof(
    client: httpx.AsyncClient, sign_in: Callable
) -> None:
    me = await sign_in()  # by a token that proved nothing
    assert (await client.post(TOTP, auth=me)).json()["code"] == "proof_needed"
    assert (await client.post(f"{TOKENS}/named", json={"name": "x"}, auth=me)).status_code == 201
    assert (await client.patch(ME, json={"password": "a new, long one"}, auth=me)).status_code == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [({"password": "not hers at all"}, "password"), ({"code": "000000"}, "code"), ({}, "body")],
    ids=["password", "code", "nothing"],
)
async def test_a_wrong_proof_is_none(ann: Guarded, database: Database, given: dict, field: str) -> None:
    await grow_stale(database)
    answer = await ann.client.post(PROOF, json=given, headers=ann.headers)
    assert (answer.status_code, answer.json()["errors"].keys()) == (422, {field})
    [row] = await database.reader().fetch("SELECT proved_at > now() - interval '1 minute' FROM accounts_token", ())
    assert not row[0]


async def test_proofs_are_tried_a_few_times_only(ann: Guarded) -> None:
    statuses = [
        (await ann.client.post(PROOF, json={"code": "000000"}, headers=ann.headers)).status_code for _ in range(10)
    ]
    assert statuses == [422] * 9 + [429], "one was taken to confirm the secret"
    assert (await ann.client.get(ME, headers=ann.headers)).status_code == 200
    assert (await ann.finish(challenge=await ann.challenge(), code=ann.code())).status_code == 201


async def test_a_session_goes_on_under_a_new_cookie_after_a_proof(ann: Guarded, browser: httpx.AsyncClient) -> None:
    asked = (await browser.post(SESSION, json={"email": "Ann", "password": PASSWORD})).json()
    given = {"challenge": asked["challenge"], "code": ann.code()}
    assert (await browser.post(f"{SESSION}/second-factor", json=given)).status_code == 201
    before = browser.cookies["session"]

    answer = await browser.post(PROOF, json={"password": PASSWORD})

    assert (answer.status_code, answer.json().keys()) == (200, {"expiresAt"})
    after = browser.cookies["session"]
    assert before != after
    assert after.removeprefix("lhs_") not in answer.text
    assert (await browser.get(ME)).status_code == 200
    browser.cookies.clear()
    assert (await browser.get(ME, headers={"Cookie": f"session={before}"})).status_code == 401


async def test_a_token_stays_what_it_is_after_a_proof(ann: Guarded) -> None:
    answer = await ann.client.post(PROOF, json={"password": PASSWORD}, headers=ann.headers)
    assert "set-cookie" not in answer.headers
    assert (await ann.client.get(ME, headers=ann.headers)).status_code == 200


@pytest.mark.usefixtures("forgetful")
async def test_a_recent_proof_costs_no_statement(ann: Guarded, statements: Callable) -> None:
    with statements() as sent:
        answer = await ann.client.post(f"{TOTP}/confirmation", json={"code": "1"}, headers={})
    assert (answer.status_code, sent) == (401, [])
    with statements() as sent:
        answer = await ann.client.post(f"{TOKENS}/named", json={"name": "x"}, headers=ann.headers)
    assert answer.status_code == 201
    assert [one.split()[0] for one in sent[:2]] == ["SELECT", "BEGIN"], "who it is, and then what is asked for"
