"""Sessions of browsers: a cookie that nobody else chooses, reads or keeps, and what ends it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import asyncpg
import httpx
import pytest

from app.domain.accounts.models import User
from app.domain.accounts.tokens import new_token
from app.platform.database.pools import Database
from tests.domain.accounts.browsing import cookie_of, house, session_of, sign_in
from tests.domain.accounts.doors import ME, OURS, SESSION, TOKENS
from tests.domain.accounts.factories import PASSWORD, TokenFactory, UserFactory


@pytest.mark.parametrize("login", ["ann@example.com", "ANN@example.com", "Ann", "aNN"])
@pytest.mark.parametrize("door", [SESSION, TOKENS], ids=["session", "token"])
@pytest.mark.usefixtures("ann")
async def test_one_signs_in_by_address_or_name_in_any_case(browser: httpx.AsyncClient, login: str, door: str) -> None:
    answer = await browser.post(door, json={"email": login, "password": PASSWORD})
    assert (answer.status_code, answer.json()["user"]["username"]) == (201, "ann")


@pytest.mark.usefixtures("ann")
async def test_a_session_is_a_cookie_alone(browser: httpx.AsyncClient) -> None:
    answer = await sign_in(browser)

    assert answer.json().keys() == {"id", "expiresAt", "user"}
    assert answer.headers["cache-control"] == "no-store"
    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert attributes == [f"Max-Age={14 * 86400}", "Path=/", "HttpOnly", "SameSite=Lax"]
    assert value.removeprefix("session=lhs_") not in answer.text
    assert (await browser.get(ME)).json()["username"] == "ann"
    [listed] = (await browser.get(TOKENS)).json()["items"]
    assert (listed["isSession"], listed["current"], listed["id"]) == (True, True, answer.json()["id"])


@pytest.mark.usefixtures("ann")
async def test_behind_https_the_cookie_is_the_host_s_alone(database_url: str) -> None:
    async with house(database_url, base_url="https://example.org") as client:
        answer = await sign_in(client, Origin="https://example.org")
        assert answer.headers["set-cookie"].startswith("__Host-session=lhs_")
        assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
        value, client.cookies = cookie_of(answer), httpx.Cookies()
        statuses = [
            (await client.get(ME, headers={"Cookie": f"{name}={value}"})).status_code
            for name in ("__Host-session", "session")
        ]
        assert statuses == [200, 401]


@pytest.mark.usefixtures("ann")
async def test_only_the_digest_is_kept(browser: httpx.AsyncClient, database: Database) -> None:
    value = cookie_of(await sign_in(browser))
    [row] = await database.reader().fetch("SELECT t::text, digest FROM accounts_token t", ())
    assert value not in row[0]
    assert row[1] == sha256(value.encode()).digest()


@pytest.mark.usefixtures("ann")
async def test_what_the_browser_brings_is_never_adopted(browser: httpx.AsyncClient) -> None:
    planted = new_token(is_session=True)
    answer = await sign_in(browser, Cookie=f"session={planted}")
    assert answer.status_code == 201
    assert cookie_of(answer) != planted
    browser.cookies.clear()
    assert (await browser.get(ME, headers={"Cookie": f"session={planted}"})).status_code == 401


@pytest.mark.usefixtures("ann")
async def test_a_browser_that_signs_in_again_leaves_no_session_behind(browser: httpx.AsyncClient) -> None:
    first = cookie_of(await sign_in(browser))
    second = cookie_of(await sign_in(browser))
    browser.cookies.clear()
    assert first != second
    assert (await browser.get(ME, headers={"Cookie": f"session={first}"})).status_code == 401
    assert len((await browser.get(TOKENS, headers={"Cookie": f"session={second}"})).json()["items"]) == 1


@pytest.mark.usefixtures("ann")
async def test_signing_out_ends_the_session_and_takes_the_cookie_back(browser: httpx.AsyncClient) -> None:
    value = cookie_of(await sign_in(browser))
    answer = await browser.delete(SESSION)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["set-cookie"] == "session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    assert not browser.cookies
    assert (await browser.get(ME, headers={"Cookie": f"session={value}"})).json()["errors"] == {
        "session": ["has ended"]
    }


async def test_a_new_password_renews_the_session_and_ends_all_others(
    browser: httpx.AsyncClient, database: Database, ann: User
) -> None:
    others = [await TokenFactory.clear_for(database, ann), cookie_of(await sign_in(browser))]
    browser.cookies.clear()
    before = cookie_of(await sign_in(browser))

    answer = await browser.patch(ME, json={"password": "a new and long password"})

    after = cookie_of(answer)
    assert (answer.status_code, before != after) == (200, True)
    assert (await browser.get(ME)).status_code == 200, "the browser goes on"
    browser.cookies.clear()
    ended = [{"Authorization": f"Bearer {others[0]}"}, *({"Cookie": f"session={one}"} for one in (others[1], before))]
    assert [(await browser.get(ME, headers=headers)).status_code for headers in ended] == [401] * 3
    assert (await browser.patch(ME, json={"bio": "b"}, headers={"Cookie": f"session={after}"})).headers.get(
        "set-cookie"
    ) is None


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 200),
        ({"expires_at": timedelta(seconds=-1)}, 401),
        ({"last_used_at": timedelta(hours=-71)}, 200),
        ({"last_used_at": timedelta(hours=-72, minutes=-3)}, 401),
    ],
    ids=["good", "expired", "used", "idle"],
)
async def test_a_session_ends_by_time_and_by_lying_idle(
    client: httpx.AsyncClient, database: Database, ann: User, given: dict, status: int
) -> None:
    now = datetime.now(UTC)
    headers = await session_of(database, ann, **{name: now + delta for name, delta in given.items()})
    assert (await client.get(ME, headers=headers)).status_code == status
    other = await session_of(database, ann)
    assert len((await client.get(TOKENS, headers=other)).json()["items"]) == 1 + (status == 200)
    await sign_in(client, **OURS)
    kept = await database.reader().fetch("SELECT FROM accounts_token", ())
    assert len(kept) == 2 + (status == 200), "a sign-in forgets what is over"


async def test_a_session_costs_one_statement_more_and_no_write(
    client: httpx.AsyncClient, database: Database, ann: User, statements: Callable
) -> None:
    headers = await session_of(database, ann)
    with statements() as sent:
        assert (await client.get(ME, headers=headers)).status_code == 200
    assert len(sent) == 2, "whose it is, and what was asked for"
    assert all(statement.startswith("SELECT") for statement in sent)


async def test_a_session_revoked_elsewhere_has_ended_within_a_second(
    client: httpx.AsyncClient, database: Database, ann: User, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("app.platform.security.monotonic", lambda: clock[0])
    headers = await session_of(database, ann)
    assert (await client.get(ME, headers=headers)).status_code == 200
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("DELETE FROM accounts_token")
    await elsewhere.close()
    clock[0] += 1.0
    assert (await client.get(ME, headers=headers)).status_code == 401


async def test_kinds_never_pass_for_each_other(client: httpx.AsyncClient, database: Database, ann: User) -> None:
    token = await TokenFactory.clear_for(database, ann)
    headers = await session_of(database, ann)
    session = headers["Cookie"].partition("=")[2]
    assert (await client.get(ME, headers=headers)).status_code == 200  # known for a second from now
    assert (await client.get(ME, headers={"Authorization": f"Bearer {session}"})).status_code == 401
    assert (await client.get(ME, headers={"Authorization": f"Bearer {token}"})).status_code == 200
    assert (await client.get(ME, headers={"Cookie": f"session={token}"})).status_code == 401


async def test_beside_a_token_a_cookie_is_not_looked_at(
    client: httpx.AsyncClient, database: Database, ann: User
) -> None:
    bea = await UserFactory.saved(database, username="Bea")
    cookie, token = await session_of(database, ann), await TokenFactory.clear_for(database, bea)
    both = cookie | {"Authorization": f"Bearer {token}"}
    assert (await client.get(ME, headers=both)).json()["username"] == "Bea"
    assert (await client.patch(ME, json={"bio": "b"}, headers=both)).json()["username"] == "Bea", "no page sent it"
    assert (await client.get(ME, headers=cookie | {"Authorization": "Bearer nonsense"})).status_code == 401


@pytest.mark.parametrize("value", ["", "nonsense", "lhs_short", new_token(is_session=True)], ids=len)
async def test_a_session_that_is_no_good_is_nobody_s_where_nobody_need_be(
    client: httpx.AsyncClient, value: str
) -> None:
    headers = {"Cookie": f"session={value}"}
    assert (await client.get("/health", headers=headers)).status_code == 200
    assert (await client.get(ME, headers=headers)).status_code == 401


async def test_of_two_sessions_neither_is_taken(client: httpx.AsyncClient, database: Database, ann: User) -> None:
    cookie = (await session_of(database, ann))["Cookie"]
    assert (await client.get(ME, headers={"Cookie": f"{cookie}; {cookie}"})).status_code == 401
    assert (await client.get(ME, headers={"Cookie": f"theme=dark; {cookie}; a=b"})).status_code == 200


async def test_what_a_session_is_shown_no_shared_cache_keeps(
    client: httpx.AsyncClient, database: Database, ann: User
) -> None:
    headers = await session_of(database, ann)
    for path in (ME, TOKENS, "/health", "/problems"):
        answer = await client.get(path, headers=headers)
        assert answer.headers["cache-control"] == "private, no-cache", path
        assert "Cookie" in answer.headers["vary"], path
