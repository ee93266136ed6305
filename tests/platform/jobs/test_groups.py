"""What follows a group is done once, after the last of it, whatever order its jobs end in and whoever does them."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from app.platform.jobs.admin import cancel, retry
from app.platform.jobs.declaration import group, job
from tests.platform.jobs.conftest import COUNTED


@job()
async def part(work, number: int) -> None:
    await work.fetch(COUNTED, ("parts",))


@job()
async def idle_part(work) -> None: ...


@job()
async def last(work) -> None:
    [(value,)] = await work.fetch("SELECT coalesce(sum(value), 0)::int FROM platform_counter WHERE key = 'parts'", ())
    await work.fetch(COUNTED, (f"last after {value}",))


@job(tries=1)
async def fail(work) -> None:
    raise ValueError


@pytest.mark.parametrize(
    "workers",
    [[(part, idle_part, last)], [(part, idle_part, last), (part,), (part, idle_part)]],
    ids=["one worker", "three, of which two do not know all"],
)
async def test_the_last_job_is_done_once_after_all_others(rows, enqueue, crew, workers):
    calls = [*[part(number=number) for number in range(30)], *[idle_part() for _ in range(30)]]
    await enqueue(group(calls, then=last()))
    assert await rows.states() == ["held", *["waiting"] * 60]
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        for known in workers:
            await stack.enter_async_context(crew(*known))
        await rows.until(*["done"] * 61)
    assert await rows.effects() == {"parts": 30, "last after 30": 1}


async def test_the_last_job_is_held_while_one_of_the_others_runs(rows, enqueue, crew):
    may_end = asyncio.Event()

    @job()
    async def slow(work) -> None:
        await may_end.wait()

    async with crew(part, slow, last):
        await enqueue(group([part(number=1), slow()], then=last()))
        await rows.until("held", "done", "running")
        may_end.set()
        await rows.until("done", "done", "done")


async def test_after_an_empty_group_the_last_job_is_done_at_once(rows, enqueue, crew):
    await enqueue(group([], then=last()))
    async with crew(last):
        await rows.until("done")


async def test_one_that_is_given_up_holds_the_last_until_it_is_cancelled(database, rows, enqueue, crew):
    async with crew(part, fail, last):
        await enqueue(group([part(number=1), fail()], then=last()))
        await rows.until("held", "done", "dead")
        [(given_up,)] = await database.reader().fetch("SELECT id FROM platform_job WHERE state = 'dead'", ())
        work = database.unit_of_work()
        await work.run(lambda: retry(work, given_up))
        await rows.until("held", "done", "dead")
        await work.run(lambda: cancel(work, given_up))
        await rows.until("done", "done", "cancelled")
    assert await rows.effects() == {"parts": 1, "last after 1": 1}


async def test_a_last_job_that_was_cancelled_is_not_done(database, rows, enqueue, crew):
    [then] = await enqueue(group([part(number=1)], then=last()))
    work = database.unit_of_work()
    await work.run(lambda: cancel(work, then))
    async with crew(part, last):
        await rows.until("cancelled", "done")
        await asyncio.sleep(0)
    assert await rows.states() == ["cancelled", "done"]


def test_unique_jobs_cannot_be_in_a_group():
    once = job(unique=())(last.handler)
    with pytest.raises(TypeError, match=r"^unique jobs cannot be in a group: jobs\.last$"):
        group([part(number=1)], then=once())
