"""A schedule's moment enqueues its job once, whoever looks and however late."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from app.platform.jobs import clearing
from app.platform.jobs.clearing import clear_jobs
from app.platform.jobs.declaration import job
from app.platform.jobs.schedules import Schedules, schedule

LATE = f"UPDATE {schedule.name} SET due_at = now() - interval '3 hours'"
OF_SCHEDULES = f"SELECT cron, due_at, last_at IS NULL FROM {schedule.name}"


@job(schedule="0 3 * * *")
async def nightly(work) -> None: ...


async def one(database) -> tuple[object, ...]:
    [row] = await database.reader().fetch(OF_SCHEDULES, ())
    return tuple(row)


async def test_it_is_due_at_its_next_moment_in_utc(database, rows):
    await Schedules(database, [nightly]).fire()
    cron, due, is_new = await one(database)
    assert (cron, due.hour, due.minute, is_new) == ("0 3 * * *", 3, 0, True)
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=1)
    assert await rows.states() == []


async def test_what_was_missed_is_made_up_for_once_by_one_and_told(database, rows):
    looking = [Schedules(database, [nightly]) for _ in range(4)]
    for each in looking:
        await each._database.unit_of_work().run(lambda each=each: _noted(each))
    await rows.change(LATE)
    with structlog.testing.capture_logs() as lines:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for each in looking:
                group.create_task(each.fire())
    assert await rows.states() == ["waiting"]
    [line] = [line for line in lines if line["event"] == "a schedule was missed, and is made up for"]
    assert 10_800 <= line["seconds"] < 10_900
    _, due, is_new = await one(database)
    assert due > datetime.now(UTC)
    assert not is_new


async def _noted(each: Schedules) -> None:
    work = each._database.unit_of_work()
    await work.run(lambda: each._note_down(work))
    each._is_noted = True


async def test_a_schedule_that_has_changed_takes_effect_at_the_next_start(database):
    await Schedules(database, [nightly]).fire()
    await Schedules(database, [job(schedule="0 5 * * *")(nightly.handler)]).fire()
    cron, due, _ = await one(database)
    assert (cron, due.hour) == ("0 5 * * *", 5)


async def test_workers_do_what_is_scheduled(database, rows, crew):
    await Schedules(database, [nightly]).fire()
    await rows.change(LATE)
    async with crew(nightly), crew(nightly):
        await rows.until("done")


async def test_what_is_over_goes_after_its_days_and_what_was_given_up_stays(rows, enqueue, crew):
    await enqueue(*[nightly() for _ in range(4)])
    await rows.change("""
        UPDATE platform_job SET state = (ARRAY['done', 'cancelled', 'dead', 'done'])[n],
            ended_at = now() - CASE n WHEN 4 THEN interval '29 days' ELSE interval '31 days' END
        FROM (SELECT id AS numbered, row_number() OVER (ORDER BY id) AS n FROM platform_job) WHERE id = numbered
    """)
    async with crew(clear_jobs):
        await enqueue(clear_jobs())
        await rows.until("dead", "done", "done")


async def test_more_than_goes_at_once_is_cleared_by_another_job(rows, enqueue, crew, monkeypatch):
    monkeypatch.setattr(clearing, "AT_ONCE", 1)
    await enqueue(nightly(), nightly())
    await rows.change("UPDATE platform_job SET state = 'done', ended_at = now() - interval '31 days'")
    async with crew(clear_jobs):
        await enqueue(clear_jobs())
        await rows.until("done", "done", "done")  # three times, itself; the last found nothing
