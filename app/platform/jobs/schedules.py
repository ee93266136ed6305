"""Jobs by the clock: each moment of a schedule enqueues its job once, however many workers look."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec
import structlog
from cronsim import CronSim
from sqlalchemy import Column, DateTime, Table, Text

from app.platform.database.model import Base
from app.platform.database.pools import Database
from app.platform.database.work import Source, UnitOfWork
from app.platform.jobs.declaration import Job

log = structlog.get_logger()

MISSED = timedelta(minutes=1)  # later than this, nobody was there when it was due
ASKED_EVERY = timedelta(seconds=30)  # at least

# When each job is due next; `cron` is the schedule that this moment is of.
schedule = Table(
    "platform_schedule",
    Base.metadata,
    Column("name", Text, primary_key=True),
    Column("cron", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True)),
)

# A schedule that has changed takes effect with its next moment.
NOTE_DOWN = """
INSERT INTO platform_schedule (name, cron, due_at) SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, due_at = excluded.due_at
WHERE platform_schedule.cron <> excluded.cron
"""
NEXT = "SELECT min(due_at) FROM platform_schedule WHERE name = ANY($1)"
DUE = """
SELECT name, due_at, now() FROM platform_schedule WHERE due_at <= now() AND name = ANY($1) FOR UPDATE SKIP LOCKED
"""
PLANNED = (
    "SELECT name, cron, due_at, last_at, due_at < now() - $1::interval FROM platform_schedule ORDER BY due_at, name"
)
STEP = "UPDATE platform_schedule SET due_at = $2, last_at = now() WHERE name = $1"


class Schedules:
    """The schedules of some jobs, in UTC."""

    def __init__(self, database: Database, jobs: Collection[Job]) -> None:
        self._database = database
        self._crons = {job.name: (job, job.treatment.schedule) for job in jobs if job.treatment.schedule}
        self._is_noted = False
        self._asks_at = datetime.now(UTC)

    async def fire(self) -> None:
        """Enqueue what is due; most of the time it knows without asking that nothing is."""
        if not self._crons or datetime.now(UTC) < self._asks_at:
            return
        names = list(self._crons)
        work = self._database.unit_of_work()
        if not self._is_noted:
            await work.run(lambda: self._note_down(work))
            self._is_noted = True
        await work.run(lambda: self._fire(work, names))
        [(due,)] = await self._database.reader().fetch(NEXT, (names,))
        self._asks_at = min(due, datetime.now(UTC) + ASKED_EVERY)

    async def _note_down(self, work: UnitOfWork) -> None:
        now = datetime.now(UTC)
        crons = [cron for _, cron in self._crons.values()]
        await work.fetch(NOTE_DOWN, (list(self._crons), crons, [next(CronSim(cron, now)) for cron in crons]))

    async def _fire(self, work: UnitOfWork, names: list[str]) -> None:
        """One that was missed is made up for once, however many of its moments have passed."""
        for name, due, now in await work.fetch(DUE, (names,)):
            job, cron = self._crons[name]
            if now - due > MISSED:
                log.warning("a schedule was missed, and is made up for", job=name, seconds=(now - due).total_seconds())
            await work.enqueue(job())
            await work.fetch(STEP, (name, next(CronSim(cron, now))))


class Planned(msgspec.Struct, frozen=True):
    """A schedule as it is noted down; `is_late`: its moment has passed, and no worker was there."""

    name: str
    cron: str
    due_at: datetime
    last_at: datetime | None
    is_late: bool


async def planned(source: Source) -> list[Planned]:
    """All of them, the next first."""
    return [Planned(*row) for row in await source.fetch(PLANNED, (MISSED,))]
