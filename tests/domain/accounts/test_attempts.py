"""Who guesses is slowed down: per account and per address, before any password is looked at, and nobody locked out."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import asyncpg
import httpx
import pytest
from litestar import Litestar
from pwdlib import PasswordHash

from app.platform.database.pools import Database
from app.platform.openapi.document import document
from config.rates import Rate
from tests.domain.accounts.doors import TOKENS, USERS
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, UserFactory
from tests.e2e.serving import Quick, serving

LIMITS = {
    "sign_in_limit": Rate(3, 60),
    "sign_in_account_limit": Rate(5, 60),
    "sign_in_address_limit": Rate(8, 60),
    "sign_up_limit": Rate(2, 60),
    "sign_up_address_limit": Rate(4, 60),
}


@pytest.fixture(autouse=True)
def _limits(app: Litestar) -> Iterator[None]:
    """Low ones, of a minute, in place of those for tests."""
    security = app.state.settings.security
    with pytest.MonkeyPatch.context() as patch:
        for name, rate in LIMITS.items():
            patch.setitem(security.__dict__, name, rate)
        yield


async def guess(client: httpx.AsyncClient, email: str, password: str = "a wrong guess") -> httpx.Response:
    return await client.post(TOKENS, json={"email": email, "password": password})


async def guesses(client: httpx.AsyncClient, email: str, times: int) -> list[int]:
    return [(await guess(client, email)).status_code for _ in range(times)]


async def test_an_account_is_guarded_from_one_address_and_its_owner_elsewhere_is_not_held_up(
    come: Callable, database: Database
) -> None:
    user = await UserFactory.saved(database)
    stranger = come("192.0.2.1")

    assert await guesses(stranger, user.email, 5) == [401, 401, 401, 429, 429]
    assert (await guess(stranger, user.email, PASSWORD)).status_code == 429, "not even the right one"
    assert (await guess(come("192.0.2.2"), user.email, PASSWORD)).status_code == 201


async def test_a_refusal_is_a_problem_that_says_when_to_come_back(come: Callable, database: Database) -> None:
    user = await UserFactory.saved(database)
    client = come("192.0.2.1")
    first = await guess(client, user.email)
    assert first.headers["RateLimit-Policy"] == '"address";q=8;w=60, "account";q=3;w=60'
    assert first.headers["RateLimit"] == '"address";r=7;t=60, "account";r=2;t=60'
    await guesses(client, user.email, 2)

    answer = await guess(client, user.email)

    assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
    assert (answer.json()["code"], answer.json()["type"]) == ("too_many", "/problems/too_many")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit"].split(", ")[1].startswith('"account";r=0;t=')
    assert (await client.get(answer.json()["type"])).status_code == 200


async def test_success_is_not_counted_for_the_account_and_tells_what_is_left(
    come: Callable, database: Database
) -> None:
    user = await UserFactory.saved(database)
    client = come("192.0.2.1")
    body = {"email": user.email, "password": PASSWORD}

    answers = [await client.post(TOKENS, json=body) for _ in range(9)]

    assert [answer.status_code // 100 for answer in answers] == [2] * 8 + [4], "by address all are counted"
    assert answers[0].headers["RateLimit"] == '"address";r=7;t=60, "account";r=2;t=60'
    assert answers[7].headers["RateLimit"].split(", ")[1].startswith('"account";r=2;')


async def test_strangers_from_everywhere_are_stopped_and_the_owner_enters_whence_they_came_before(
    come: Callable, database: Database
) -> None:
    user = await UserFactory.saved(database)
    assert (await guess(come("198.51.100.1"), user.email, PASSWORD)).status_code == 201

    strangers = [await guess(come(f"192.0.2.{n}"), user.email) for n in range(7)]

    assert [answer.status_code for answer in strangers] == [401] * 5 + [429] * 2
    assert int(strangers[-1].headers["Retry-After"]) > 0
    assert "everywhere" not in strangers[-1].headers["RateLimit"]
    assert (await guess(come("192.0.2.99"), user.email, PASSWORD)).status_code == 429, "a new place has to wait"
    assert (await guess(come("198.51.100.1"), user.email, PASSWORD)).status_code == 201


async def test_one_address_cannot_shut_an_account_for_everybody(come: Callable, database: Database) -> None:
    user = await UserFactory.saved(database)
    await guesses(come("192.0.2.1"), user.email, 8)
    assert await guesses(come("192.0.2.2"), user.email, 2) == [401, 401]


async def test_an_address_is_stopped_whichever_accounts_it_tries(come: Callable) -> None:
    client = come("2001:db8::1")
    statuses = [(await guess(client, f"nobody-{n}@example.com")).status_code for n in range(9)]
    assert statuses == [401] * 8 + [429]
    assert (await guess(come("2001:db8::2"), "else@example.com")).status_code == 429, "the same /64"
    assert (await guess(come("2001:db8:0:1::1"), "else@example.com")).status_code == 401


async def test_an_unknown_account_is_answered_like_a_known_one(come: Callable, database: Database) -> None:
    user = await UserFactory.saved(database)
    known = [await guess(come("192.0.2.1"), user.email) for _ in range(4)]
    unknown = [await guess(come("192.0.2.2"), "nobody@example.com") for _ in range(4)]
    for one, other in zip(known, unknown, strict=True):
        assert one.status_code == other.status_code
        assert one.headers.keys() == other.headers.keys()
        assert one.headers["RateLimit-Policy"] == other.headers["RateLimit-Policy"]
        assert one.json() | {"requestId": ""} == other.json() | {"requestId": ""}


async def test_an_unknown_name_is_answered_like_a_known_one(come: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ann", email="ann@example.com")
    for door in ("192.0.2.1", "192.0.2.2"):
        known = [await guess(come(door), "ann") for _ in range(4)]
        unknown = [await guess(come(door), "bea") for _ in range(4)]
        for one, other in zip(known, unknown, strict=True):
            assert one.status_code == other.status_code
            assert one.headers["RateLimit"].partition(", ")[2] == other.headers["RateLimit"].partition(", ")[2]
            assert one.json() | {"requestId": ""} == other.json() | {"requestId": ""}


async def test_what_is_told_of_a_name_does_not_tell_whose_address_it_goes_with(
    come: Callable, database: Database
) -> None:
    await UserFactory.saved(database, username="ann", email="ann@example.com")
    stranger = come("192.0.2.1")
    for email in ("ann@example.com", "nobody@example.com"):
        await guess(stranger, "ann")
        told = await guess(stranger, email)
        assert told.headers["RateLimit"].endswith('"account";r=2;t=60')


async def test_from_everywhere_an_account_is_one_by_name_and_by_address(come: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ann", email="ann@example.com")
    logins = ["ann", "ann@example.com", "ANN", "Ann@example.com", " ann "]
    assert [(await guess(come(f"192.0.2.{n}"), login)).status_code for n, login in enumerate(logins)] == [401] * 5
    for login in ("ann", "ann@example.com"):
        assert (await guess(come("192.0.2.99"), login, PASSWORD)).status_code == 429


async def test_who_came_by_name_is_remembered_by_address_too(come: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ann", email="ann@example.com")
    assert (await guess(come("198.51.100.1"), "ann", PASSWORD)).status_code == 201
    for n in range(6):
        await guess(come(f"192.0.2.{n}"), "ann")
    assert (await guess(come("198.51.100.1"), "ann@example.com", PASSWORD)).status_code == 201


async def test_all_spellings_of_an_account_are_one(come: Callable, database: Database) -> None:
    await UserFactory.saved(database, email="ann@example.com")
    spellings = ["ann@example.com", "ANN@EXAMPLE.com", " \uff21nn@example.com ", "aNN@example.com"]
    statuses = [(await guess(come("192.0.2.1"), spelling)).status_code for spelling in spellings]
    assert statuses == [401, 401, 401, 429]


async def test_no_password_is_looked_at_beyond_the_limit(come: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[Any] = []
    monkeypatch.setattr(PasswordHash, "verify", lambda _, *given, **__: bool(verified.append(given)))
    assert await guesses(come("192.0.2.1"), "nobody@example.com", 6) == [401, 401, 401, 429, 429, 429]
    assert len(verified) == 3


async def test_signing_up_is_limited_by_address_and_by_email(come: Callable) -> None:
    client = come("192.0.2.1")
    body = SignUpFactory.body()
    statuses = [(await client.post(USERS, json=body)).status_code for _ in range(3)]
    assert statuses == [201, 409, 429]

    assert (await client.post(USERS, json=SignUpFactory.body())).status_code == 201
    assert (await client.post(USERS, json=SignUpFactory.body())).status_code == 429
    answer = await come("192.0.2.2").post(USERS, json=SignUpFactory.body())
    assert answer.headers["RateLimit-Policy"] == '"address";q=4;w=60, "account";q=2;w=60'
    assert answer.status_code == 201


async def test_neither_addresses_nor_names_are_kept(come: Callable, database: Database) -> None:
    await guess(come("192.0.2.1"), "nobody@example.com")
    connection = await asyncpg.connect(database.url)
    kept = await connection.fetchval("SELECT string_agg(row_to_json(t)::text, '') FROM platform_throttle t")
    keys = await connection.fetchval("SELECT string_agg(key, '') FROM platform_throttle")
    await connection.close()
    assert "192.0" not in kept
    assert b"nobody" not in keys
    assert len(keys) == 4 * 16, "that of the account at this address is within that of the account"


@pytest.mark.long(9)
async def test_of_300_at_once_over_two_workers_exactly_20_pass(lent_database_url: str) -> None:
    limits = {"sign_in_limit": "20/600", "password_queue": "1000", "pool_timeout": "20"}
    with serving(lent_database_url, Quick, workers="2", **limits) as server:
        async with aiohttp.ClientSession(server.origin, connector=aiohttp.TCPConnector(limit=0)) as http:

            async def guess() -> int:
                body = {"email": "nobody@example.com", "password": "a wrong guess"}
                async with http.post(TOKENS, json=body) as answer:
                    assert answer.headers["RateLimit-Policy"].endswith('"account";q=20;w=600')
                    return answer.status

            async with asyncio.TaskGroup() as group:
                tries = [group.create_task(guess()) for _ in range(300)]
    assert Counter(one.result() for one in tries) == {401: 20, 429: 280}


async def test_the_contract_tells_of_the_limits_where_there_are_any(app: Litestar) -> None:
    described = document(app)
    throttled = {
        (path, method): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if "429" in operation["responses"]
    }
    assert throttled.keys() >= {(USERS, "post"), (TOKENS, "post")}
    for operation in throttled.values():
        success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert {"RateLimit", "RateLimit-Policy"} <= success["headers"].keys()
    refusal = described["components"]["responses"]["TooMany"]
    assert refusal["headers"].keys() == {"Retry-After", "RateLimit", "RateLimit-Policy"}
