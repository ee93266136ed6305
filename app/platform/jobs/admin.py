"""What admins see of the jobs, and what they do about those that failed or ought not to be done."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from app.kit.errors import Conflict, NotFound
from app.platform.database.pools import Database
from app.platform.database.work import Source, UnitOfWork
from app.platform.jobs.declaration import QUEUES
from app.platform.jobs.leases import ending
from app.platform.jobs.queue import CANCELLED, QUEUED

PRESENT = ("held", "waiting", "running", "dead")
COUNTS = """
SELECT queue, state, count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8
FROM platform_job WHERE state = ANY($1) GROUP BY queue, state ORDER BY queue, state
"""
DEAD = """
SELECT id, name, ended_at, attempts, coalesce(error, '') FROM platform_job WHERE state = 'dead' ORDER BY id LIMIT $1
"""
UNKNOWN = """
SELECT name, count(*) FROM platform_job WHERE state = 'waiting' AND name <> ALL($1) GROUP BY name ORDER BY name
"""
# Not beside another that stands for it: of those that are unique, one waits.
RETRY = """
UPDATE platform_job AS job SET state = 'waiting', attempts = 0, due_at = now(), ended_at = NULL
WHERE state = 'dead' AND ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR name = $2) AND NOT EXISTS (
    SELECT FROM platform_job AS other WHERE other.name = job.name AND other.unique_key = job.unique_key
    AND (other.state IN ('waiting', 'running') OR (other.state = 'dead' AND other.id > job.id AND $1::uuid IS NULL))
) RETURNING id
"""
CANCEL = ending("""
    UPDATE platform_job SET state = 'cancelled', ended_at = clock_timestamp(), lease_until = NULL
    WHERE id = $1 AND state IN ('held', 'waiting', 'running', 'dead') RETURNING id, then_id
""")
STATE = "SELECT state FROM platform_job WHERE id = $1"
TELL = "SELECT pg_notify($1, '')"  # in the transaction: it is rare enough


class Count(msgspec.Struct, frozen=True):
    """How many jobs of a queue are in a state; `seconds`: for how long the first of them is due."""

    queue: str
    state: str
    count: int
    seconds: float


class Dead(msgspec.Struct, frozen=True):
    """A job that was given up, and why."""

    id: UUID
    name: str
    ended_at: datetime
    attempts: int
    error: str

    @property
    def reason(self) -> str:
        """The last line of its error, which names it."""
        return self.error.strip().rpartition("\n")[2]


async def counts(source: Source, states: Collection[str] = PRESENT) -> list[Count]:
    """By queue, the most urgent first, and state; of those that have any."""
    rows = await source.fetch(COUNTS, (list(states),))
    return [Count(QUEUES[queue], *others) for queue, *others in rows]


async def dead(source: Source, limit: int = 100) -> list[Dead]:
    """The oldest of those that were given up."""
    return [Dead(*row) for row in await source.fetch(DEAD, (limit,))]


async def unknown(database: Database, names: Collection[str]) -> dict[str, int]:
    """The names of jobs that wait and are none of these, with how many there are."""
    return dict(map(tuple, await database.reader().fetch(UNKNOWN, (list(names),))))


async def retry(work: UnitOfWork, job: UUID | None = None, name: str | None = None) -> int:
    """Have a dead job, those of a name, or all, tried anew; how many. Raises NotFound for none."""
    rows = await work.fetch(RETRY, (job, name))
    if not rows:
        raise NotFound("dead job")
    await work.fetch(TELL, (QUEUED,))
    return len(rows)


async def cancel(work: UnitOfWork, job: UUID) -> None:
    """Have a job not done: once this is committed, nothing of it happens in the database, even where it runs.

    Raises NotFound, and Conflict where it is over already.
    """
    ended = await work.fetch(CANCEL, (job,))
    if not ended:
        rows = await work.fetch(STATE, (job,))
        raise Conflict("state", f"is {rows[0][0]}: it cannot be cancelled any more") if rows else NotFound("job")
    for channel in (CANCELLED, QUEUED) if ended[0][1] else (CANCELLED,):
        await work.fetch(TELL, (channel,))
