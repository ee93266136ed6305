"""What a scrape tells of the jobs."""

import asyncpg

from app.platform.figures import figures_page
from app.platform.jobs.declaration import job
from app.platform.jobs.figures import job_figures
from app.platform.jobs.outcomes import Outcomes, totals


async def told(database) -> dict[str, float]:
    page = (await figures_page(database, job_figures)).decode()
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in page.splitlines() if x[0] != "#")}


async def test_it_tells_how_many_there_are_and_how_long_the_first_waits(database, rows, enqueue):
    @job(queue="high")
    async def anything(work) -> None: ...

    await enqueue(anything(), anything(), anything())
    await rows.change("UPDATE platform_job SET due_at = now() - interval '90 s'")
    await rows.change(
        "UPDATE platform_job SET state = 'dead' WHERE id = (SELECT min(id::text)::uuid FROM platform_job)"
    )
    found = await told(database)
    assert found['jobs_depth{queue="high",state="waiting"}'] == 2
    assert found['jobs_depth{queue="high",state="dead"}'] == 1
    assert found['jobs_depth{queue="bulk",state="waiting"}'] == 0
    assert 90 <= found['jobs_oldest_waiting_seconds{queue="high"}'] < 150
    assert found['jobs_oldest_waiting_seconds{queue="bulk"}'] == 0


async def test_attempts_are_counted_over_all_workers(database, rows, enqueue, crew):
    @job(tries=2, timeout=30)
    async def fail(work) -> None:
        raise ValueError

    @job()
    async def rest(work) -> None: ...

    async with crew(fail, rest), crew(rest):
        await enqueue(fail(), *[rest() for _ in range(20)])
        await rows.until("waiting", *["done"] * 20)
        await rows.change("UPDATE platform_job SET due_at = now() WHERE state = 'waiting'")
        await rows.until("dead", *["done"] * 20)
    found = await told(database)
    assert found['jobs_attempts_total{name="jobs.rest",outcome="done"}'] == 20
    assert found['jobs_attempts_total{name="jobs.fail",outcome="failed"}'] == 1
    assert found['jobs_attempts_total{name="jobs.fail",outcome="dead"}'] == 1
    assert found['jobs_attempt_seconds_total{name="jobs.rest",outcome="done"}'] < 20


async def test_what_could_not_be_counted_is_counted_later(database, monkeypatch):
    outcomes = Outcomes(database)
    outcomes.add("jobs.rest", "done", 0.5)
    with monkeypatch.context() as patch:
        patch.setattr("app.platform.jobs.outcomes.ADD", "SELECT no_such_function($1, $2, $3, $4)")
        try:
            await outcomes.write()
        except asyncpg.PostgresError:
            outcomes.add("jobs.rest", "done", 0.25)
    await outcomes.write()
    await outcomes.write()
    assert [(one.name, one.outcome, one.count, one.milliseconds) for one in await totals(database.reader())] == [
        ("jobs.rest", "done", 2, 750)
    ]


async def test_the_other_figures_are_told_while_the_database_is_away(database, monkeypatch):
    async def fail(*_: object) -> None:
        raise asyncpg.PostgresConnectionError("gone")

    monkeypatch.setattr("app.platform.database.work.Reader.fetch", fail)
    assert await figures_page(database, job_figures) == b""
