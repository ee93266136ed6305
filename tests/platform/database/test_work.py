"""One transaction, one owner: committed before the answer, gone after an error."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from app.kit.errors import Busy, Conflict, NotFound
from app.platform.database.refusals import translate
from app.platform.database.work import CommitError
from tests.platform.database.accounts import TAKE, balance


async def test_unused_it_costs_nothing(pools, statements):
    database = await pools()
    work = database.unit_of_work()

    async def nothing() -> str:
        return "done"

    with statements(at_most=0):
        assert await work.run(nothing) == "done"
    assert database.write.gauges()["idle"] == 0


async def test_what_it_did_is_committed_when_it_returns(pools, admin, statements):
    database = await pools()
    work = database.unit_of_work()
    with statements() as sent:
        await work.run(lambda: work.fetch(TAKE, (1,)))
    assert [statement.split()[0] for statement in sent] == ["BEGIN", "UPDATE", "COMMIT"]
    assert await balance(admin) == 99


async def test_an_error_after_a_flush_leaves_no_row(pools, admin):
    database = await pools()
    work = database.unit_of_work()

    async def fail() -> None:
        await work.session.execute(text("INSERT INTO account VALUES (3, 1)"))
        await work.fetch(TAKE, (1,))
        raise NotFound("account")

    with pytest.raises(NotFound):
        await work.run(fail)
    assert await admin.fetchval("SELECT count(*) FROM account") == 2
    assert await balance(admin) == 100
    assert database.write.gauges() == {"size": 6, "idle": 1, "in_use": 0, "waiting": 0}


async def test_a_constraint_deferred_to_the_commit_is_a_conflict(pools):
    database = await pools()
    work = database.unit_of_work()
    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await work.run(lambda: work.fetch("INSERT INTO entry VALUES (1), (1)", ()))
    conflict = translate(refusal.value)
    assert isinstance(conflict, Conflict)
    assert conflict.violations[0].field == "id"


async def test_a_commit_answered_by_rollback_is_an_error(pools):
    database = await pools()
    work = database.unit_of_work()

    async def swallow() -> None:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await work.fetch("SELECT 1 / 0", ())

    with pytest.raises(CommitError):
        await work.run(swallow)


async def test_what_follows_a_commit_happens_once_and_only_then(pools, admin):
    database = await pools()
    work = database.unit_of_work()
    balances: list[str] = []

    async def take() -> None:
        work.after_commit(lambda: balances.append("followed"))
        await work.fetch(TAKE, (1,))
        assert balances == []

    await work.run(take)
    await work.run(lambda: work.fetch(TAKE, (1,)))
    assert (balances, await balance(admin)) == (["followed"], 98)


async def test_a_commit_that_fails_is_followed_by_nothing(pools):
    database = await pools()
    work = database.unit_of_work()

    async def break_the_constraint() -> None:
        work.after_commit(lambda: pytest.fail("it was not committed"))
        await work.fetch("INSERT INTO entry VALUES (1), (1)", ())

    with pytest.raises(asyncpg.UniqueViolationError):
        await work.run(break_the_constraint)


async def test_a_failure_after_the_commit_is_logged_and_the_rest_still_follows(pools, admin, capfd):
    database = await pools()
    work = database.unit_of_work()
    followed = []

    async def take() -> None:
        work.after_commit(lambda: 1 // 0)
        work.after_commit(lambda: followed.append(True))
        await work.fetch(TAKE, (1,))

    await work.run(take)
    assert (followed, await balance(admin)) == ([True], 99)
    assert "what follows a commit failed" in capfd.readouterr().out


async def test_a_cancelled_handler_holds_no_lock(pools, admin):
    database = await pools(write_pool_size=1)
    work = database.unit_of_work()
    locked = asyncio.Event()

    async def hold() -> None:
        await work.fetch(TAKE, (1,))
        locked.set()
        await work.fetch("SELECT pg_sleep(60)", ())

    task = asyncio.create_task(work.run(hold))
    await locked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await admin.execute("UPDATE account SET balance = 7 WHERE id = 1")
        other = database.unit_of_work()
        assert (await other.run(lambda: other.fetch(TAKE, (1,))))[0][0] == 6


async def test_a_backend_killed_inside_the_transaction_is_busy(pools, admin):
    work = (await pools()).unit_of_work()

    async def lose() -> None:
        (row,) = await work.fetch("SELECT pg_backend_pid()", ())
        await admin.execute("SELECT pg_terminate_backend($1)", row[0])
        await work.fetch(TAKE, (1,))

    lost = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    with pytest.raises(lost) as refusal:
        await work.run(lose)
    assert isinstance(translate(refusal.value), Busy)


async def test_the_read_lane_cannot_write(pools):
    database = await pools()
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as refusal:
        await database.reader().fetch(TAKE, (1,))
    assert translate(refusal.value) is None, "a write on the read lane is a defect of ours: 500"


async def test_one_failed_read_of_several_cancels_the_others(pools):
    database = await pools()
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with asyncio.timeout(10):
            await database.reader().together(
                lambda source: source.fetch("SELECT pg_sleep(60)", ()),
                lambda source: source.fetch("SELECT 1 / 0", ()),
            )
    assert asyncio.current_task().cancelling() == 0, "whoever catches the error is taken for cancelled"
    assert await database.reader().fetch("SELECT 1", ())
