"""The ORM is a guest in the unit of work: it shares the transaction, and neither ends it nor goes on without it."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from app.platform.database.work import UnitOfWork
from tests.platform.database.accounts import TAKE, balance


async def test_a_guest_shares_the_transaction_and_its_savepoints(pools, admin):
    database = await pools()
    work = database.unit_of_work()

    async def both() -> None:
        await work.fetch(TAKE, (1,))
        assert (await work.session.execute(text("SELECT balance FROM account WHERE id = 1"))).scalar() == 99
        savepoint = await work.session.begin_nested()
        await work.session.execute(text("UPDATE account SET balance = 0 WHERE id = 1"))
        await savepoint.rollback()
        await work.session.execute(text("UPDATE account SET balance = balance - 1 WHERE id = 1"))

    await work.run(both)
    assert await balance(admin) == 98


@pytest.mark.parametrize("verb", ["commit", "rollback"])
async def test_a_guest_can_neither_commit_nor_roll_back(pools, verb):
    work = (await pools()).unit_of_work()

    async def overstep() -> None:
        await work.session.execute(text("SELECT 1"))
        await getattr(work.session, verb)()

    with pytest.raises(NotImplementedError):
        await work.run(overstep)


async def test_a_cancelled_guest_does_not_go_on_elsewhere(pools, admin):
    """SQLAlchemy answers a cancelled statement by reconnecting: what follows would run outside the transaction."""
    database = await pools()
    work: UnitOfWork = database.unit_of_work()

    async def go_on() -> None:
        await work.fetch(TAKE, (1,))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await work.session.execute(text("SELECT pg_sleep(60)"))
        await work.session.execute(text("UPDATE account SET balance = 0 WHERE id = 2"))

    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await work.run(go_on)
    assert (await balance(admin, 1), await balance(admin, 2)) == (100, 100)
    assert database.write.gauges()["in_use"] <= 1  # the lost slot's place is free once it is closed
    other = database.unit_of_work()
    await other.run(lambda: other.fetch(TAKE, (1,)))
