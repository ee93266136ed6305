"""Secrets planted in requests and settings: neither the server's whole output nor any answer has one of them in it."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from itertools import chain

import asyncpg
import httpx
import pyotp
import pytest

from tests.e2e.running import PLAINLY, Running
from tests.e2e.serving import Quick, serving

CANARY = "canary"  # in all that is planted; whatever of it turns up anywhere is found by this word alone
PASSWORD = f"{CANARY}-password-1"
NEW_PASSWORD = f"{CANARY}-password-2"
UNKNOWN_TOKEN = f"lh_{CANARY:0<43}"  # as long as one, so that the database is asked
LINK = f"lh_link_{CANARY:0<43}"
METRICS_TOKEN = f"{CANARY}-metrics"
ANN = {"username": "ann", "email": "ann@example.com", "password": PASSWORD}
DIGESTS = "SELECT encode(digest, 'hex') FROM accounts_token UNION SELECT encode(digest, 'hex') FROM accounts_link"
PLANTED = {
    "Cookie": f"session={CANARY}-cookie",
    "X-Api-Key": f"{CANARY}-key",
    "Proxy-Authorization": f"Basic {CANARY}-proxy",
    "Referer": f"https://example.com/?token={CANARY}-referer",
    "User-Agent": f"{CANARY}-agent",
}


@pytest.fixture
def told(lent_database_url: str) -> Iterator[Running]:
    """A server that tells as much as it ever can: every line of debugging, and every statement as a slow one."""
    told = {"log_level": "debug", "slow_query_ms": "1", "metrics_token": METRICS_TOKEN}
    with serving(lent_database_url, Quick, **told) as server:
        yield server


@pytest.fixture
def visitor(told: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=told.origin, headers=PLANTED, **PLAINLY) as visitor:
        yield visitor


def test_no_secret_is_told(told: Running, visitor: httpx.Client, lent_database_url: str):
    made = visitor.post("/api/users", json={"user": ANN})
    token = made.raise_for_status().json()["user"]["token"]
    identified = [
        visitor.post("/api/v1/accounts/tokens", json={"email": ANN["email"], "password": PASSWORD}),
        visitor.post("/api/v1/accounts/tokens/named", json={"name": "x"}, headers={"Authorization": f"Token {token}"}),
    ]
    tokens = [token, *(answer.raise_for_status().json()["token"] for answer in identified)]
    tokens += guarded(told.origin)
    answers = list(
        chain(good_requests(visitor, token), bad_requests(visitor, token), broken(visitor, lent_database_url))
    )

    shown = [answer.text for answer in (made, *identified, *answers)]
    assert {answer.status_code for answer in answers} >= {200, 202, 400, 401, 409, 410, 413, 415, 422, 500}
    assert not [text for text in shown if "$argon2" in text or PASSWORD in text or NEW_PASSWORD in text]
    for text in shown[3:]:
        # Of the headers, the owner alone is told the one by which devices are told apart.
        assert CANARY not in text.replace(f"{CANARY}-body", "").replace(f'"device":"{CANARY}-agent"', "")

    said = told.said
    assert said.count('"event":"request"') >= len(shown)
    assert said.count("unhandled exception") == 3
    hashes = asyncio.run(fetch(lent_database_url, "SELECT password FROM accounts_user"))
    digests = asyncio.run(fetch(lent_database_url, DIGESTS))
    bare = (re.sub("^lhs?_(link_)?", "", token) for token in tokens)
    for secret in (CANARY, "argon2", *tokens, *bare, *hashes, *digests):
        assert secret not in said
        assert base64.b64encode(secret.encode()).decode() not in said


def guarded(origin: str) -> list[str]:
    """All that somebody is shown once who signs a browser in, and sets a second factor up; their password is planted.

    Nothing of it is in any other answer, and it is for the caller to see that no line has it.
    """
    bea = ANN | {"username": "bea", "email": "bea@example.com"}
    login = {"email": "bea", "password": PASSWORD}
    with httpx.Client(
        base_url=f"{origin}/api/v1/accounts", headers={"Sec-Fetch-Site": "same-origin"}, **PLAINLY
    ) as her:
        signed_up = her.post("/users", json=bea).json()["token"]
        others = [her.post("/session", json=login)]
        secrets = [signed_up, her.cookies["session"]]
        offer = her.post("/second-factors/totp").raise_for_status().json()
        code = pyotp.TOTP(offer["secret"]).now()
        shown = her.post("/second-factors/totp/confirmation", json={"code": code}).raise_for_status().json()
        secrets += [offer["secret"], *shown["recoveryCodes"]]
        asked = her.post("/session", json=login)
        secrets.append(asked.json()["challenge"])
        finish = {"challenge": asked.json()["challenge"], "recoveryCode": shown["recoveryCodes"][0]}
        others += [her.post("/session/second-factor", json=finish), her.post("/proof", json={"password": PASSWORD})]
        secrets.append(her.cookies["session"])
        others += [her.get("/second-factors"), her.get("/tokens"), her.get("/me"), her.post("/second-factors/totp")]
        others += [her.post("/proof", json={"code": code}), her.delete("/session")]
    assert [answer.status_code for answer in others] == [201, 201, 200, 200, 200, 200, 409, 422, 204]
    for answer in others:
        assert not [secret for secret in secrets if (secret.partition("lhs_")[2] or secret) in answer.text]
    return secrets


def good_requests(visitor: httpx.Client, token: str) -> Iterator[httpx.Response]:
    """What a client does all day."""
    mine = {"Authorization": f"Token {token}"}
    draft = {"title": "Whales", "description": f"{CANARY}-body", "body": f"{CANARY}-body"}
    yield visitor.post("/api/articles", json={"article": draft}, headers=mine)
    yield visitor.post("/api/articles/whales/comments", json={"comment": {"body": f"{CANARY}-body"}}, headers=mine)
    yield visitor.get(f"/api/articles?tag={CANARY}&token={CANARY}&password={CANARY}", headers=mine)
    yield visitor.put("/api/user", json={"user": {"password": NEW_PASSWORD, "bio": f"{CANARY}-body"}}, headers=mine)
    yield visitor.get("/api/v1/accounts/tokens", headers=mine)
    yield visitor.get("/api/v1/accounts/me/export", headers=mine)
    yield visitor.post("/api/v1/accounts/links/verify", headers=mine)
    for purpose in ("reset", "sign-in"):
        yield visitor.post(f"/api/v1/accounts/links/{purpose}", json={"email": ANN["email"]})
    yield visitor.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})


def bad_requests(visitor: httpx.Client, token: str) -> Iterator[httpx.Response]:
    """What is refused, at every place where one can be."""
    mine = {"Authorization": f"Token {token}"}
    yield visitor.post("/api/users", json={"user": ANN})
    for password in (f"{CANARY}\0{CANARY}", CANARY[:3], f"{CANARY}-" * 500, [CANARY], {CANARY: CANARY}):
        yield visitor.post("/api/users", json={"user": ANN | {"password": password}})
        yield visitor.post("/api/v1/accounts/users", json=ANN | {"password": password})
        yield visitor.patch("/api/v1/accounts/me", json={"password": password}, headers=mine)
        yield visitor.post("/api/users/login", json={"user": {"email": f"{CANARY}@example.com", "password": password}})
    for page in ("verify", "reset", "change", "sign-in", CANARY[:3]):
        form = {"token": LINK, "password": NEW_PASSWORD}
        yield visitor.get(f"/account/{page}?token={LINK}&password={CANARY}")
        yield visitor.post(f"/account/{page}?token={LINK}", data=form)
        yield visitor.post(f"/api/v1/accounts/links/{page}/follow", json=form if page == "reset" else {"token": LINK})
        yield visitor.get(f"/api/v1/accounts/links/{page}/follow?token={LINK}")
    wrong = {"password": f"{CANARY}-guess"}
    yield visitor.post("/api/v1/accounts/links/change", json=wrong | {"email": "bob@example.com"}, headers=mine)
    yield visitor.post("/api/v1/accounts/me/deletion", json=wrong, headers=mine)
    cut = json.dumps({"user": ANN}).encode()[:-5]
    for media_type in ("application/json", "text/plain"):
        yield visitor.post("/api/users", content=cut, headers={"Content-Type": media_type})
    yield visitor.post("/api/users", content=cut + b"\xff", headers={"Content-Type": "application/json"})
    yield visitor.post("/api/users", content=f"{CANARY}-" * 200_000, headers={"Content-Type": "application/json"})
    for value in (f"Token {CANARY}", f"Bearer {CANARY}", f"Basic {CANARY}", CANARY, f"Token {CANARY} {CANARY}"):
        yield visitor.get("/api/user", headers={"Authorization": value})
        yield visitor.get("/metrics", headers={"Authorization": value})


def broken(visitor: httpx.Client, url: str) -> Iterator[httpx.Response]:
    """What fails on the server, in the middle of a statement that has secrets for its parameters."""
    asyncio.run(fetch(url, "ALTER TABLE accounts_user RENAME COLUMN password TO hidden"))
    yield visitor.post("/api/users", json={"user": ANN | {"username": "bob", "email": "bob@example.com"}})
    yield visitor.post("/api/users/login", json={"user": {"email": ANN["email"], "password": NEW_PASSWORD}})
    asyncio.run(fetch(url, "ALTER TABLE accounts_user RENAME COLUMN hidden TO password"))
    asyncio.run(fetch(url, "ALTER TABLE accounts_token RENAME TO hidden"))
    yield visitor.get("/api/user", headers={"Authorization": f"Token {UNKNOWN_TOKEN}"})
    asyncio.run(fetch(url, "ALTER TABLE hidden RENAME TO accounts_token"))


async def fetch(url: str, statement: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()
