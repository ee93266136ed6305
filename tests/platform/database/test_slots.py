"""The pools lend what they promise, whatever happens to the connections behind them."""

import asyncio
from time import monotonic

import asyncpg
import pytest
from prometheus_client import REGISTRY

from app.kit.errors import Busy
from app.platform.database.pools import OversizedError

OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def test_every_connection_has_its_ceilings(pools):
    database = await pools(statement_timeout=7, lock_timeout=1.5)
    for pool, read_only in ((database.read, "on"), (database.write, "off")):
        slot = await pool.acquire()
        shown = {
            name: await slot.raw.fetchval(f"SHOW {name}")
            for name in ("statement_timeout", "lock_timeout", "timezone", "default_transaction_read_only")
        }
        pool.release(slot)
        assert shown == {
            "statement_timeout": "7s",
            "lock_timeout": "1500ms",
            "timezone": "UTC",
            "default_transaction_read_only": read_only,
        }


async def test_an_exhausted_pool_is_busy_within_its_timeout(pools):
    database = await pools(read_pool_size=2, pool_timeout=0.3)
    waited = waits()
    held = await database.read.acquire_many(2)
    begun = monotonic()
    with pytest.raises(Busy) as refusal:
        await database.reader().fetch("SELECT 1", ())
    assert monotonic() - begun >= 0.25
    database.read.observe()
    assert waits() - waited > 0.25, "who waits in vain is missing in the histogram"
    assert refusal.value.headers["Retry-After"] == "1"
    for slot in held:
        database.read.release(slot)
    assert await database.reader().fetch("SELECT 1", ())


def waits() -> float:
    """The seconds that the histogram has for the read pool."""
    return REGISTRY.get_sample_value("database_slot_wait_seconds_sum", {"pool": "read"}) or 0.0


async def test_requests_for_several_slots_never_wait_crosswise(pools):
    database = await pools(read_pool_size=3, pool_timeout=10)
    reader = database.reader()

    async def two() -> list[object]:
        return await reader.together(*[lambda source: source.fetch("SELECT pg_sleep(0.001)", ())] * 2)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        tasks = [group.create_task(two()) for _ in range(200)]
    assert len(tasks) == 200
    gauges = database.read.gauges()
    assert (gauges["in_use"], gauges["waiting"]) == (0, 0)


async def test_more_slots_than_the_pool_has_is_a_mistake(pools):
    database = await pools(read_pool_size=2)
    with pytest.raises(ValueError, match="3 slots asked of the read pool, which has 2"):
        await database.read.acquire_many(3)


async def test_a_waiter_that_gives_up_passes_its_turn_on(pools):
    database = await pools(read_pool_size=2, pool_timeout=10)
    one, other = await database.read.acquire_many(2)
    async with asyncio.TaskGroup() as group:
        wants_two = group.create_task(database.read.acquire_many(2))
        wants_one = group.create_task(database.read.acquire())
        await asyncio.sleep(0)
        assert database.read.gauges()["waiting"] == 2
        database.read.release(one)
        await asyncio.sleep(0)
        assert not wants_one.done(), "first come, first served"
        wants_two.cancel()
        slot = await wants_one
    database.read.release(slot)
    database.read.release(other)
    assert database.read.gauges() == {"size": 2, "idle": 2, "in_use": 0, "waiting": 0}


async def test_a_turn_granted_while_giving_up_is_not_lost(pools):
    database = await pools(read_pool_size=1, pool_timeout=10)
    slot = await database.read.acquire()
    waiter = asyncio.create_task(database.read.acquire())
    await asyncio.sleep(0)
    database.read.release(slot)  # admits the waiter, which has not run yet …
    waiter.cancel()  # … and never will
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert database.read.gauges()["in_use"] == 0
    assert await database.reader().fetch("SELECT 1", ())


async def test_backends_killed_while_idle_are_not_noticed_by_anyone(pools, admin):
    database = await pools(read_pool_size=3, write_pool_size=3)
    for pool in (database.read, database.write):
        for slot in await pool.acquire_many(3):
            pool.release(slot)
    for _ in range(3):
        await admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS others")
        async with asyncio.TaskGroup() as group:
            reads = [group.create_task(database.reader().fetch("SELECT 1", ())) for _ in range(6)]
            works = [database.unit_of_work() for _ in range(6)]
            writes = [group.create_task(work.run(lambda work=work: work.fetch("SELECT 1", ()))) for work in works]
        assert len(reads + writes) == 12


async def test_a_slot_is_replaced_when_it_is_too_old(pools):
    database = await pools(connection_max_age=10, read_pool_size=1)
    slot = await database.read.acquire()
    first = slot.raw.get_server_pid()
    slot.born -= 11
    database.read.release(slot)
    (row,) = await database.reader().fetch("SELECT pg_backend_pid()", ())
    assert row[0] != first


async def test_a_slot_idle_for_long_is_asked_whether_it_lives(pools, monkeypatch):
    database = await pools(idle_check=5, read_pool_size=1)
    slot = await database.read.acquire()
    database.read.release(slot)
    slot.returned -= 6
    asked = []
    execute = asyncpg.Connection.execute

    async def noted(connection, query, *args, **options):
        asked.append(query)
        return await execute(connection, query, *args, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", noted)
    await database.reader().fetch("SELECT 2", ())
    await database.reader().fetch("SELECT 2", ())
    assert asked == ["SELECT 1"]


async def test_a_slot_left_inside_a_transaction_is_not_lent_again(pools, admin):
    database = await pools(write_pool_size=1)
    slot = await database.write.acquire()
    await slot.raw.execute("BEGIN; UPDATE account SET balance = 0 WHERE id = 1")
    database.write.release(slot)
    again = await database.write.acquire()
    assert again is not slot
    database.write.release(again)
    assert await admin.fetchval("SELECT balance FROM account WHERE id = 1") == 100


async def test_pools_too_large_for_the_server_are_refused_with_the_arithmetic(pools, admin):
    allowed = int(await admin.fetchval("SHOW max_connections"))
    told: list[str] = []
    database = await pools(on_oversized=told.append, workers=allowed // 10, read_pool_size=8, write_pool_size=8)
    with pytest.raises(Busy) as refusal:
        await database.reader().fetch("SELECT 1", ())
    assert isinstance(refusal.value.__cause__, OversizedError)
    wanted = allowed // 10 * 16 + 14 + 8 + 1  # one process more delivers events, does jobs, and listens
    assert f"= {wanted} connections" in told[0]
    assert f"max_connections={allowed}" in told[0]


async def test_an_unreachable_database_is_busy_and_recovers(pools, scratch_url, monkeypatch):
    database = await pools()
    monkeypatch.setattr(database, "url", "postgresql://litehouse@127.0.0.1:1/litehouse")
    with pytest.raises(Busy, match="cannot be reached"):
        await database.reader().fetch("SELECT 1", ())
    monkeypatch.setattr(database, "url", scratch_url)
    assert await database.reader().fetch("SELECT 1", ())


async def test_closing_leaves_no_connection(pools, admin):
    database = await pools()
    lent = await database.write.acquire()
    await database.reader().fetch("SELECT 1", ())
    await database.read.close()
    database.write.release(lent)
    await database.write.close()
    async with asyncio.timeout(5):
        while await admin.fetch(OTHERS):
            await asyncio.sleep(0.01)
