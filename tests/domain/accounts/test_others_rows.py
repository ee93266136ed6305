"""What belongs to others is as good as not there: two users, every route with an id, every kind of id."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.module import module
from app.platform.migration_writing import metadata
from tests.conftest import Aside, SignedIn
from tests.domain.accounts.doors import BASE

OPEN_TO_ALL = f"{BASE}/session/openid/"  # it leads to providers, who are nobody's
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
PARAMETER = re.compile(r"{(\w+):(\w+)}")
REQUEST_ID = re.compile(rb'"requestId":"[^"]*"')
MALFORMED = ["7", "null", "%00", "0" * 37, "-1", "01900000000070008000000000000000x"]

PASSKEY = """
INSERT INTO accounts_passkey (user_id, credential_id, public_key, sign_count, name, transports)
VALUES ($1, uuid_send($1), '', 0, 'phone', '{}') RETURNING id
"""
IDENTITY = """
WITH provider AS (
    INSERT INTO accounts_provider (name, label, issuer, client_id, secret, scopes)
    VALUES ($1, '', '', '', '', '{openid}') RETURNING id
)
INSERT INTO accounts_identity (provider_id, subject, user_id) SELECT id, 'one', $2 FROM provider RETURNING id
"""

INVITATION = """
INSERT INTO accounts_invitation (email, digest, inviter_id, expires_at) VALUES ($1, uuid_send($2), $2, now())
RETURNING id
"""

Rows = dict[str, str]


@pytest.fixture
def routes(app: Litestar) -> list[tuple[str, str]]:
    """Method and path of each route of accounts that has an id."""
    found = [(str(method), route.path) for route in app.routes for method in route.methods if method != "OPTIONS"]
    return sorted((method, path) for method, path in found if path.startswith(BASE) and "{" in path)


@pytest.fixture
async def rows_of(client: httpx.AsyncClient, sign_in: Callable, prove: Callable, aside: Aside) -> Callable[..., Any]:
    """What belongs to a user, by the parameter that stands for it: all that a path can name."""
    root = await sign_in(is_superuser=True)

    async def rows(user: SignedIn) -> Rows:
        name = module.permissions[0].name
        [token] = (await client.get(f"{BASE}/tokens", auth=user)).json()["items"]
        made = await client.post(f"{BASE}/groups", json={"name": f"of {user.username}"}, auth=root)
        group = made.json()["id"]
        await client.put(f"{BASE}/groups/{group}/members/{user.id}", auth=root)
        await prove(user)
        passkey = await (await aside.connection()).fetchval(PASSKEY, user.id)
        identity = await (await aside.connection()).fetchval(IDENTITY, f"of-{user.username}", user.id)
        invitation = await (await aside.connection()).fetchval(INVITATION, f"{user.username}@example.org", user.id)
        ids = {"token_id": token["id"], "group_id": group, "user_id": str(user.id), "passkey_id": str(passkey)}
        ids |= {"identity_id": str(identity), "invitation_id": str(invitation)}
        return {**ids, "name": name, "provider": "not-trusted"}

    return rows


def missing(rows: Rows) -> Rows:
    """As the rows, and of nobody."""
    return {name: str(uuid4()) if is_uuid(value) else "accounts.no_such" for name, value in rows.items()}


def is_uuid(text: str) -> bool:
    return len(text) == len(str(UUID(int=0)))


def filled(path: str, rows: Rows) -> str:
    return PARAMETER.sub(lambda match: rows[match[1]], path)


async def asked(client: httpx.AsyncClient, method: str, path: str, user: SignedIn, rows: Rows) -> httpx.Response:
    body = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
    return await client.request(method, filled(path, rows), **body, auth=user, headers=OUR_PAGE)


def anonymized(answer: httpx.Response, rows: Rows) -> tuple[int, list[str], bytes]:
    """All that can be seen of an answer but its request's id, and the ids that were asked for."""
    content = REQUEST_ID.sub(b"", answer.content)
    for value in rows.values():
        content = content.replace(value.encode(), b"")
    return answer.status_code, sorted(name for name in answer.headers if name != "x-request-id"), content


async def stored(url: str) -> dict[str, list[str]]:
    """Every row of accounts, as text."""
    connection = await asyncpg.connect(url)
    tables = [table.name for table in metadata().sorted_tables if table.name.startswith("accounts_")]
    try:
        return {
            name: [row[0] for row in await connection.fetch(f"SELECT t::text FROM {name} t ORDER BY 1")]
            for name in tables
        }
    finally:
        await connection.close()


async def test_another_s_row_is_answered_as_one_that_is_not_there_byte_for_byte(
    client: httpx.AsyncClient, sign_in: Callable, rows_of: Callable, routes: list[tuple[str, str]], database_url: str
) -> None:
    ann, bea = await sign_in(), await sign_in()
    belongings = [(bea, await rows_of(ann)), (ann, await rows_of(bea))]
    before = await stored(database_url)

    for method, path in routes:
        for user, others in belongings:
            nobodys = missing(others)
            there = await asked(client, method, path, user, others)
            gone = await asked(client, method, path, user, nobodys)
            assert there.status_code in {403, 404}, f"{method} {path}"
            assert anonymized(there, others) == anonymized(gone, nobodys), f"{method} {path}"

    assert await stored(database_url) == before


async def test_what_is_no_id_is_not_found(
    client: httpx.AsyncClient,
    sign_in: Callable,
    prove: Callable,
    rows_of: Callable,
    routes: list[tuple[str, str]],
    database_url: str,
) -> None:
    root = await prove(await sign_in(is_superuser=True))
    rows = await rows_of(await sign_in())
    before = await stored(database_url)
    for method, path in routes:
        for name, kind in PARAMETER.findall(path):
            for text in MALFORMED if kind == "uuid" else ["no.such", "%00", "signed_in"]:
                answer = await asked(client, method, path, root, rows | {name: text})
                assert answer.status_code == 404, f"{method} {path} {text}: {answer.text}"
    assert await stored(database_url) == before


async def test_who_is_nobody_hears_nothing_of_either(
    client: httpx.AsyncClient, sign_in: Callable, rows_of: Callable, routes: list[tuple[str, str]]
) -> None:
    rows = await rows_of(await sign_in())
    for method, path in routes:
        if path.startswith(OPEN_TO_ALL):
            continue
        both = [filled(path, one) for one in (rows, missing(rows))]
        answers = [await client.request(method, one, json={}, headers=OUR_PAGE) for one in both]
        assert [answer.json()["errors"] for answer in answers] == [{"token": ["is missing"]}] * 2
        assert [answer.status_code for answer in answers] == [401, 401]
