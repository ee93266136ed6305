"""Jobs of the tests' own, and workers that do them in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from app.platform.jobs.declaration import Job
from app.platform.jobs.queue import QUEUED
from app.platform.jobs.running import Crew
from app.platform.jobs.table import job as job_table
from app.platform.notices import Notices
from app.platform.resources import Resources

NOTE = "INSERT INTO platform_counter (name, key, shard, value) VALUES ('effect', $1, 0, 1)"
COUNTED = """
INSERT INTO platform_counter (name, key, shard, value) VALUES ('effect', $1, 0, 1)
ON CONFLICT (name, key, shard) DO UPDATE SET value = platform_counter.value + 1
"""


class Rows:
    """What the table of jobs, and the effects that they left, say."""

    def __init__(self, database) -> None:
        self._reader = database.reader()
        self._database = database

    async def states(self) -> list[str]:
        return [row[0] for row in await self._reader.fetch(f"SELECT state FROM {job_table.name} ORDER BY id", ())]

    async def one(self, *columns: str) -> tuple[object, ...]:
        [row] = await self._reader.fetch(f"SELECT {', '.join(columns)} FROM platform_job", ())
        return tuple(row)

    async def until(self, *states: str) -> None:
        """Wait until the jobs, in the order in which they were enqueued, are in these states."""
        async with asyncio.timeout(30):
            while await self.states() != list(states):
                await asyncio.sleep(0.01)

    async def effects(self) -> dict[str, int]:
        rows = await self._reader.fetch("SELECT key, value FROM platform_counter WHERE name = 'effect'", ())
        return dict(map(tuple, rows))

    async def change(self, statement: str) -> None:
        work = self._database.unit_of_work()
        await work.run(lambda: work.fetch(statement, ()))


@pytest.fixture
def rows(database) -> Rows:
    return Rows(database)


@pytest.fixture
def enqueue(database) -> Callable[..., object]:
    """Enqueue calls in one transaction; returns their ids."""

    async def enqueue(*calls, viewer=None, **options):
        work = database.unit_of_work(viewer) if viewer else database.unit_of_work()

        async def do():
            return [await work.enqueue(call, **options) for call in calls]

        return await work.run(do)

    return enqueue


@pytest.fixture
def crew(database, settings):
    """A worker for these jobs, which is told of what is enqueued: `async with crew(job) as running:`."""

    @asynccontextmanager
    async def working(*jobs: Job, places: int = 10, drain: float = 10) -> AsyncIterator[Crew]:
        notices = Notices(database)
        database.on_enqueued = partial(notices.tell, QUEUED)
        server = settings.server.model_copy(update={"worker_jobs": places})
        crew = Crew(database, notices, jobs, Resources(replace(settings, server=server)))
        try:
            async with notices.lifespan(), notices.listening(), crew.lifespan(drain):
                yield crew
        finally:
            database.on_enqueued = None

    return working
