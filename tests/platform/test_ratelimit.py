"""Limits are counted in PostgreSQL: exactly, a window at a time, the narrow ones before the wide ones."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from app.kit.errors import TooMany
from app.platform.database.pools import Database
from app.platform.ratelimit import RATE_HEADERS, Limit, Throttle, forget, key_of, network_of, sweep
from config.rates import Rate
from tests.conftest import Aside

NARROW = Limit("narrow", Rate(2, 60), key_of("narrow"))
WIDE = Limit("wide", Rate(3, 60), key_of("wide"))
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
WIDE_OPEN = Limit("open", Rate(1000, 60), key_of("open"))


def from_address(host: str = "192.0.2.1") -> dict[str, Any]:
    return {"client": (host, 1)}


@pytest.fixture
def throttle(database: Database) -> Throttle:
    return Throttle(database, from_address())


async def passed(throttle: Throttle, *limits: Limit) -> bool:
    try:
        await throttle.take(*limits)
    except TooMany:
        return False
    return True


async def end_windows(database: Database) -> None:
    """As if they had begun an hour earlier."""
    connection = await asyncpg.connect(database.url)
    await connection.execute("UPDATE platform_throttle SET expires_at = expires_at - interval '1 hour'")
    await connection.close()


async def kept(database: Database) -> list[tuple[bytes, int]]:
    connection = await asyncpg.connect(database.url)
    rows = await connection.fetch("SELECT key, count FROM platform_throttle ORDER BY count")
    await connection.close()
    return [tuple(row) for row in rows]


async def test_of_many_at_once_exactly_as_many_pass_as_may(throttle: Throttle):
    limit = replace(NARROW, rate=Rate(20, 60))
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(passed(throttle, WIDE_OPEN, limit)) for _ in range(100)]
    assert Counter(one.result() for one in tries) == {True: 20, False: 80}


async def test_what_is_left_and_until_when_is_told(database: Database):
    scope = from_address()
    throttle = Throttle(database, scope)
    await throttle.take(NARROW, WIDE)

    assert scope[RATE_HEADERS] == {
        "RateLimit-Policy": '"narrow";q=2;w=60, "wide";q=3;w=60',
        "RateLimit": '"narrow";r=1;t=60, "wide";r=2;t=60',
    }
    await throttle.take(NARROW, WIDE)
    with pytest.raises(TooMany) as refused:
        await throttle.take(NARROW, WIDE)
    assert 0 < int(refused.value.headers["Retry-After"]) <= 60
    assert scope[RATE_HEADERS]["RateLimit"].startswith('"narrow";r=0;t=')
    assert "wide" not in scope[RATE_HEADERS]["RateLimit"]


async def test_who_is_stopped_at_a_narrow_limit_does_not_use_up_a_wide_one(throttle: Throttle):
    assert [await passed(throttle, NARROW, WIDE) for _ in range(5)] == [True, True, False, False, False]
    other = replace(NARROW, key=key_of("another"))
    assert [await passed(throttle, other, WIDE) for _ in range(2)] == [True, False]


async def test_a_window_ends_by_itself(throttle: Throttle, database: Database):
    assert [await passed(throttle, NARROW) for _ in range(3)] == [True, True, False]
    await end_windows(database)
    assert [await passed(throttle, NARROW) for _ in range(3)] == [True, True, False]


async def test_attempts_that_are_refused_do_not_lengthen_the_wait(throttle: Throttle, database: Database):
    for _ in range(10):
        await passed(throttle, NARROW)
    assert await kept(database) == [(NARROW.key, 2)]


async def test_what_is_given_back_can_be_taken_again(throttle: Throttle):
    assert [await passed(throttle, NARROW, WIDE) for _ in range(3)] == [True, True, False]
    await throttle.give_back(NARROW, WIDE, remember=key_of("known"), seconds=60)
    assert [await passed(throttle, NARROW, WIDE) for _ in range(2)] == [True, False]


async def test_nothing_is_given_back_that_was_not_taken(throttle: Throttle):
    await throttle.take(NARROW)
    for _ in range(3):
        await throttle.give_back(NARROW, remember=key_of("known"), seconds=60)
    assert [await passed(throttle, NARROW) for _ in range(3)] == [True, True, False]


async def test_who_is_remembered_is_exempt_for_a_time_and_the_headers_do_not_tell(database: Database):
    scope, known = from_address(), key_of("known")
    throttle, exempt = Throttle(database, scope), replace(WIDE, unless=known)
    for _ in range(3):
        await throttle.take(WIDE_OPEN, exempt)
    told = scope[RATE_HEADERS]["RateLimit-Policy"]
    assert not await passed(throttle, WIDE_OPEN, exempt)

    await throttle.give_back(remember=known, seconds=1800)
    assert await passed(throttle, WIDE_OPEN, exempt)
    assert scope[RATE_HEADERS]["RateLimit-Policy"] == told == '"open";q=1000;w=60'
    assert await passed(throttle, exempt)
    assert scope[RATE_HEADERS] == {}
    await throttle.give_back(remember=known, seconds=0)
    assert not await passed(throttle, WIDE_OPEN, exempt)


async def test_windows_that_have_ended_are_swept_away_and_others_stay(throttle: Throttle, database: Database):
    await throttle.take(NARROW)
    await end_windows(database)
    await throttle.take(WIDE)
    assert await sweep(database) == 1
    assert await kept(database) == [(WIDE.key, 1)]


async def test_the_counters_are_off_the_write_ahead_log(database: Database):
    connection = await asyncpg.connect(database.url)
    assert await connection.fetchval("SELECT relpersistence FROM pg_class WHERE relname = 'platform_throttle'") == b"u"
    await connection.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), (("1:a",), ("a",))],
    ids=["moved border", "empty part", "with a length"],
)
def test_keys_are_of_the_parts_and_not_of_their_sum(one: tuple[str, ...], other: tuple[str, ...]):
    assert key_of(*one) != key_of(*other)
    assert len(key_of(*one)) == 16


def test_a_key_can_be_of_any_text():
    assert key_of("\ud800") != key_of("?")


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_client_is_one_network(host: str, network: str):
    assert network_of(from_address(host)) == network


def test_without_a_client_all_are_one():
    assert network_of({"client": None}) == ""


async def test_who_forgets_takes_the_locks_in_the_order_of_those_who_count(
    database: Database, throttle: Throttle, aside: Aside
):
    outer, connection = key_of("outer"), await aside.connection()
    inner = key_of("inner", within=outer)
    for key in (outer, inner):  # both in the table and in its index the outer one stands first
        await throttle.take(Limit("any", Rate(9, 60), key))
    count = "UPDATE platform_throttle SET count = count + 1 WHERE key = $1"
    work = database.unit_of_work()
    async with asyncio.timeout(30):
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '500ms'")  # before a deadlock would be found and ended
            await connection.execute(count, inner)
            forgetting = asyncio.create_task(work.run(lambda: forget(work, outer)))
            while not await connection.fetchval(WAITING):
                await asyncio.sleep(0.01)
            await connection.execute(count, outer)
        assert await forgetting == 2


@pytest.mark.parametrize("outer", [key_of("outer"), b"\xff" * 16, b"\x00" * 16], ids=["any", "highest", "lowest"])
async def test_a_key_is_forgotten_with_all_that_are_within_it_and_no_other(
    database: Database, throttle: Throttle, outer: bytes
):
    inner = [key_of(name, within=outer) for name in ("a", "b")]
    other = [key_of("a"), outer[:-1] + b"\x7f", key_of("a", within=outer[:-1] + b"\x7f")]
    for key in (outer, *inner, key_of("deeper", within=inner[0]), *other):
        await throttle.take(Limit("narrow", Rate(2, 60), key))

    work = database.unit_of_work()
    assert await work.run(lambda: forget(work, outer)) == 4

    assert {key for key, _ in await kept(database)} == set(other)
    assert await work.run(lambda: forget(work, outer)) == 0
