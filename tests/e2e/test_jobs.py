"""Workers as an operator sees them: killed, they lose no job and do none twice; told to end, they end their jobs."""

import asyncio
import random
import signal
from contextlib import ExitStack

import asyncpg
import httpx
import pytest

from tests.e2e.running import PLAINLY, Running, free_port, until
from tests.platform.jobs.samples import slow_effect

pytestmark = pytest.mark.usefixtures("own_folder")

JOBS = 60
FILL = """
INSERT INTO platform_job (name, queue, arguments, tries)
SELECT $1, 2, jsonb_build_object('key', uuidv7()::text), 100 FROM generate_series(1, $2::int)
"""
STATES = "SELECT state, count(*) FROM platform_job GROUP BY state"
EFFECTS = "SELECT value, count(*) FROM platform_counter WHERE name = 'effect' GROUP BY value"


class TestWorker(Running):
    """A worker process of the tests' own jobs."""

    __test__ = False
    program = "tests.platform.jobs.process"


def asked(url: str, statement: str, *parameters: object) -> dict[object, int]:
    async def fetch() -> dict[object, int]:
        connection = await asyncpg.connect(url)
        try:
            return {row[0]: row[1] for row in await connection.fetch(statement, *parameters) if len(row) == 2}
        finally:
            await connection.close()

    return asyncio.run(fetch())


def worker(url: str) -> TestWorker:
    return TestWorker(database_url=url, environment="test")


def test_workers_that_are_killed_lose_no_job_and_no_effect_happens_twice(lent_database_url: str):
    url = lent_database_url
    with ExitStack() as stack:

        def started() -> TestWorker:
            one = stack.enter_context(worker(url))
            until(lambda: "working" in one.said, "it works")
            return one

        living = [started(), started()]
        for _ in range(3):
            before = asked(url, STATES).get("done", 0)
            asked(url, FILL, slow_effect.name, JOBS)
            until(lambda before=before: asked(url, STATES).get("done", 0) > before, "some more are done")
            living.pop(random.randrange(2)).process.kill()
            living.append(started())
        until(lambda: asked(url, STATES) == {"done": 3 * JOBS}, "all are done")
        assert asked(url, EFFECTS) == {1: 3 * JOBS}
        for one in living:
            one.process.send_signal(signal.SIGTERM)
            assert one.ended() == 0, one.said


def test_a_worker_that_is_told_to_end_ends_what_it_has_begun(lent_database_url: str):
    url = lent_database_url
    asked(url, FILL, slow_effect.name, JOBS)
    with worker(url) as only:
        until(lambda: asked(url, STATES).get("done", 0) > 0, "some are done")
        only.process.send_signal(signal.SIGTERM)
        assert only.ended() == 0
    found = asked(url, STATES)
    assert found.keys() == {"waiting", "done"}
    assert asked(url, EFFECTS) == {1: found["done"]}


def test_the_house_s_worker_notes_its_schedules_down_and_tells_its_figures(lent_database_url: str):
    schedules = "SELECT name, 1 FROM platform_schedule"
    port = free_port()
    known = {"environment": "test", "worker_metrics_port": port, "metrics_token": "canary"}
    with Running("worker", database_url=lent_database_url, **known) as run:
        expected = {"jobs.clear_jobs", "accounts.clear_sessions"}
        until(lambda: asked(lent_database_url, schedules).keys() >= expected, "they are there")
        page, bearer = f"http://127.0.0.1:{port}/metrics", {"Authorization": "Bearer canary"}
        assert "event_loop_lag_seconds" in httpx.get(page, headers=bearer, **PLAINLY).text
        run.process.send_signal(signal.SIGTERM)
        assert run.ended() == 0
