"""Many are enqueued by one statement; of those that are unique one waits, and none beside another that runs."""

import asyncio

import pytest

from app.platform.jobs.declaration import job
from app.platform.jobs.leases import Failure, Leases
from tests.platform.jobs.conftest import COUNTED
from tests.platform.jobs.samples import note, rest
from tests.waiting import until_waiting


async def test_of_unique_jobs_one_waits_and_stands_for_the_others(rows, enqueue, crew):
    @job(unique=("key",))
    async def once(work, key: str, number: int) -> None:
        await work.fetch(COUNTED, (f"{key}{number}",))

    [first] = await enqueue(once(key="a", number=1))
    assert await enqueue(once(key="a", number=2), once(key="a", number=3)) == [first, first]
    [other] = await enqueue(once(key="b", number=4))
    assert other != first
    async with crew(once):
        await rows.until("done", "done")
        await enqueue(once(key="a", number=5))
        await rows.until("done", "done", "done")
    assert await rows.effects() == {"a1": 1, "b4": 1, "a5": 1}


async def test_of_a_unique_job_that_runs_the_next_one_waits_for_its_end(rows, enqueue, crew):
    """It may have read already what the next one is about."""
    begun, may_end, together = asyncio.Event(), asyncio.Event(), []

    @job(unique=("key",))
    async def once(work, key: str) -> None:
        together.append(key)
        assert together == [key]
        begun.set()
        await may_end.wait()
        await work.fetch(COUNTED, (key,))
        together.remove(key)

    [first] = await enqueue(once(key="a"))
    async with crew(once, rest):
        await begun.wait()
        [second, other] = await enqueue(once(key="a"), once(key="a"))
        assert first != second == other
        await enqueue(rest())
        await rows.until("running", "waiting", "done")
        may_end.set()
        await rows.until("done", "done", "done")
    assert await rows.effects() == {"a": 2}


@pytest.mark.parametrize("how", ["failed", "lost", "given back"])
async def test_a_unique_job_that_is_tried_again_stands_for_the_one_that_waits(rows, enqueue, database, how: str):
    once = job(unique=())(rest.handler)
    await enqueue(once())
    leases_ = Leases(database)
    [taken] = await leases_.claim([once.name], 5)
    if how == "lost":
        await rows.change("UPDATE platform_job SET lease_until = now() - interval '1 second'")
    work, enqueued = database.unit_of_work(), asyncio.Event()
    let_go = {
        "failed": lambda: leases_.fail(taken, Failure("no such ship", 60.0)),
        "lost": leases_.expire,
        "given back": lambda: leases_.give_back([taken]),
    }

    async def meanwhile() -> None:
        await work.enqueue(once())
        enqueued.set()
        await until_waiting(database.url)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(work.run(meanwhile))
        await enqueued.wait()
        group.create_task(let_go[how]())
    assert await rows.states() == ["waiting", "cancelled"]
    [attempts] = [row[0] for row in await database.reader().fetch("SELECT attempts FROM platform_job ORDER BY id", ())][
        :1
    ]
    assert attempts == (0 if how == "given back" else 1)


async def test_writers_that_meet_on_a_unique_job_enqueue_one(rows, enqueue):
    once = job(unique=())(rest.handler)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(enqueue(once())) for _ in range(20)]
    assert len({task.result()[0] for task in tasks}) == 1
    assert await rows.states() == ["waiting"]


async def test_many_are_enqueued_by_one_statement(database, rows, crew, statements):
    once, work = job(unique=("key",))(note.handler), database.unit_of_work()
    calls = [*[once(key=key) for key in "abab"], rest(), rest()]
    with statements(at_most=3):
        await work.run(lambda: work.enqueue_all(calls))
    async with crew(once, rest):
        await rows.until(*["done"] * 4)
    assert await rows.effects() == {"a": 1, "b": 1}
    with statements(at_most=0):
        await work.run(lambda: work.enqueue_all([]))
    with pytest.raises(TypeError, match=r"^jobs with a row beside them are enqueued one by one$"):
        await work.run(lambda: work.enqueue_all([rest().beside("SELECT 1", ())]))
