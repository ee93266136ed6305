"""What meets another transaction is replayed whole, with one effect, or busy after three times."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from app.kit.errors import Busy
from app.platform.database.refusals import translate
from tests.platform.database.accounts import TAKE, balance


async def test_a_deadlock_is_replayed_with_one_effect(pools, admin):
    database = await pools()
    barrier = asyncio.Barrier(2)
    attempts = {1: 0, 2: 0}

    async def move(source: int, target: int) -> None:
        work = database.unit_of_work()

        async def do() -> None:
            attempts[source] += 1
            await work.fetch(TAKE, (source,))
            if attempts[source] == 1:
                await barrier.wait()  # both hold their first row: whoever asks second closes the circle
            await work.fetch("UPDATE account SET balance = balance + 1 WHERE id = $1", (target,))

        await work.run(do)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(move(1, 2))
        group.create_task(move(2, 1))
    assert sum(attempts.values()) >= 3
    assert (await balance(admin, 1), await balance(admin, 2)) == (100, 100)


async def test_a_replay_begins_with_a_new_session(pools):
    database = await pools()
    work = database.unit_of_work()
    sessions = []

    async def conflict_twice() -> None:
        sessions.append(work.session)
        await work.session.execute(text("SELECT 1"))
        if len(sessions) < 3:
            await work.fetch("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$", ())

    await work.run(conflict_twice)
    assert len(set(map(id, sessions))) == 3


async def test_what_never_succeeds_is_busy_after_three_replays(pools):
    database = await pools()
    work = database.unit_of_work()
    attempts = 0

    async def conflict() -> None:
        nonlocal attempts
        attempts += 1
        await work.fetch("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$", ())

    with pytest.raises(asyncpg.SerializationError) as refusal:
        await work.run(conflict)
    assert attempts == 4
    assert isinstance(translate(refusal.value), Busy)


async def test_a_thousand_concurrent_increments_lose_none(pools, admin):
    database = await pools(pool_timeout=30)

    async def deposit() -> None:
        work = database.unit_of_work()

        async def do() -> None:
            await work.fetch("SET LOCAL TRANSACTION ISOLATION LEVEL REPEATABLE READ", ())
            await work.fetch("UPDATE account SET balance = balance + 1 WHERE id = 1", ())

        try:
            await work.run(do)
        except asyncpg.SerializationError:
            await deposit()  # what a client does that is told 503 Retry-After

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(1000):
            group.create_task(deposit())
    assert await balance(admin) == 1100


async def test_a_column_changed_under_a_prepared_statement_is_replayed(pools, admin):
    database = await pools(write_pool_size=1)

    async def read() -> object:
        work = database.unit_of_work()
        return await work.run(lambda: work.fetch("SELECT balance FROM account WHERE id = 1", ()))

    await read()
    await database.reader().fetch("SELECT balance FROM account WHERE id = 1", ())
    await admin.execute("ALTER TABLE account ALTER COLUMN balance TYPE bigint")
    assert (await read())[0][0] == 100
    assert (await database.reader().fetch("SELECT balance FROM account WHERE id = 1", ()))[0][0] == 100
