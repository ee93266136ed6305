"""The statements by which a worker takes jobs, keeps them and lets them go: each is a transaction of its own.

A job is its worker's for as long as the row says `running` with the number of the worker's lease. Each statement asks
for that, so that a worker which was cut off for a while changes nothing about what others have taken meanwhile.

What changes nothing but who has a job does not wait for the disk, which would leave a third of the pace. After a crash
of the database, somebody else may then have the job a second time, under another number: numbers are random, not
counted. What a job did in the database waits for the disk, together with that it is done.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import UniqueViolationError

from app.platform.database.pools import Database
from app.platform.database.work import Reader

SECONDS = 30.0  # that a lease holds
RENEWED_EVERY = 10.0  # seconds
EXPIRED_AT_ONCE = 100
# What is due, and may begin: one that is unique waits for its like to end.
READY = """
    state = 'waiting' AND due_at <= now() AND name = ANY($1) AND (unique_key IS NULL OR NOT EXISTS (
        SELECT FROM platform_job AS other
        WHERE other.name = job.name AND other.running_key = job.unique_key AND other.state = 'running'
    ))
"""
TAKE = """
UPDATE platform_job AS job SET state = 'running', lease = (random() * 2147483647)::int, attempts = attempts + 1,
    started_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $3),
    unique_key = NULL, running_key = unique_key, step = NULL, total = NULL
FROM chosen, (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried WHERE job.id = chosen.id
RETURNING job.id, lease, name, queue, arguments::text, attempts, actor, request_id, correlation_id
"""
# Only so many as can begin now. Of the free places, each queue leaves as many as there are queues before it: a flood of
# `bulk` never has the last four.
CLAIM = f"""
WITH ready AS MATERIALIZED (
    SELECT id, queue, due_at FROM platform_job AS job WHERE {READY}
    ORDER BY queue, due_at LIMIT $2::int FOR UPDATE SKIP LOCKED
), chosen AS (
    SELECT id FROM (SELECT id, queue, row_number() OVER (ORDER BY queue, due_at) AS place FROM ready) AS numbered
    WHERE $2::int - place + 1 > queue
) {TAKE}
"""  # noqa: S608 - of texts of ours
# Of some queues, one that waits for long: the first of any of them, so that none of those starves the others.
CLAIM_STARVED = f"""
WITH chosen AS (
    SELECT first.id FROM unnest($2::smallint[]) AS starved (queue), LATERAL (
        SELECT id FROM platform_job AS job
        WHERE job.queue = starved.queue AND due_at <= now() - make_interval(secs => $4) AND {READY}
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS first ORDER BY random() LIMIT 1
) {TAKE}
"""  # noqa: S608 - of texts of ours
# What is done is no loss: its commit is on the way back, and to be cut off there would cost the connection and what
# follows the commit.
RENEW = """
WITH given AS (SELECT * FROM unnest($1::uuid[], $2::int[]) AS given (id, lease)), renewed AS (
    UPDATE platform_job AS job SET lease_until = clock_timestamp() + make_interval(secs => $3)
    FROM given WHERE job.id = given.id AND job.lease = given.lease AND state = 'running'
)
SELECT id, lease FROM platform_job JOIN given USING (id, lease) WHERE state IN ('running', 'done')
"""
NOTE = """
UPDATE platform_job AS job SET step = given.step, total = given.total
FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[]) AS given (id, lease, step, total)
WHERE job.id = given.id AND job.lease = given.lease AND state = 'running'
"""
# What is over counts down what its group's last job is held for; who counts it down to nothing sets it free.
FREE = """, freed AS (
    UPDATE platform_job AS next SET pending = pending - over.count, due_at = clock_timestamp(),
        state = CASE WHEN next.state = 'held' AND pending = over.count THEN 'waiting' ELSE next.state END
    FROM (SELECT then_id, count(*) FROM ended WHERE then_id IS NOT NULL GROUP BY then_id) AS over
    WHERE next.id = over.then_id RETURNING next.state
) SELECT id, EXISTS (SELECT FROM freed WHERE state = 'waiting') FROM ended
"""


def ending(update: str) -> str:
    """The statement with what follows from it for groups: rows of a job's id, and whether a last job was set free."""
    return f"WITH ended AS ({update}){FREE}"


FINISH = ending("""
    UPDATE platform_job SET state = 'done', ended_at = clock_timestamp(), lease_until = NULL, error = NULL, result = $3,
        step = $4, total = $5
    WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id, then_id
""")
# Those that left the database alone.
FINISH_ALL = ending("""
    UPDATE platform_job AS job SET state = 'done', ended_at = clock_timestamp(), lease_until = NULL, error = NULL,
        result = given.result, step = given.step, total = given.total
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::int[]) AS given (id, lease, result, step, total),
        (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
    WHERE job.id = given.id AND job.lease = given.lease AND state = 'running' RETURNING job.id, job.then_id
""")


def letting_go(chosen: str, changes: str) -> str:
    """The statement by which running jobs wait again, or are dead: rows of a job's id, name and state.

    Of unique jobs another may wait already. What is tried again stands for it: its pause is not cut short, and its
    tries are not begun anew.
    """
    return f"""
WITH chosen AS MATERIALIZED ({chosen}), absorbed AS (
    UPDATE platform_job AS other SET state = 'cancelled', ended_at = clock_timestamp(),
        error = 'the one before it is tried again, and stands for it'
    FROM chosen WHERE other.name = chosen.name AND other.unique_key = chosen.running_key AND other.state = 'waiting'
        AND NOT chosen.is_over RETURNING other.id
)
UPDATE platform_job AS job SET lease_until = NULL, state = CASE WHEN is_over THEN 'dead' ELSE 'waiting' END,
    ended_at = CASE WHEN is_over THEN clock_timestamp() END,
    unique_key = coalesce(unique_key, job.running_key), running_key = NULL, {changes}
FROM chosen, (SELECT count(*) FROM absorbed) AS before_it WHERE job.id = chosen.id
RETURNING job.id, job.name, job.state
"""  # noqa: S608 - of texts of ours


# $5: whether it is to be given up, whatever tries are left; $6: whether it must not be.
FAIL = letting_go(
    """
    SELECT id, name, running_key, $5 OR (attempts >= tries AND NOT $6) AS is_over FROM platform_job
    WHERE id = $1 AND lease = $2 AND state = 'running' FOR UPDATE""",
    "error = $3, due_at = clock_timestamp() + make_interval(secs => $4)",
)
GIVE_BACK = letting_go(
    """
    SELECT job.id, name, running_key, false AS is_over
    FROM platform_job AS job JOIN unnest($1::uuid[], $2::int[]) AS given (id, lease) USING (id, lease)
    WHERE state = 'running' FOR UPDATE OF job""",
    "attempts = attempts - 1",
)
EXPIRE = letting_go(
    """
    SELECT id, name, running_key, attempts >= tries AS is_over FROM platform_job
    WHERE state = 'running' AND lease_until < clock_timestamp() ORDER BY lease_until LIMIT $1
    FOR UPDATE SKIP LOCKED""",
    "error = 'the worker that had it was lost', due_at = clock_timestamp()",
)


class Taken(msgspec.Struct, eq=False):
    """A job that this worker has, by the lease of that number.

    `step` and `total`: how far it is, where it tells; `is_told` until that is written. `is_cut_off`: by the worker.
    """

    id: UUID
    lease: int
    name: str
    queue: int
    arguments: str
    attempts: int
    actor: UUID | None
    request_id: str | None
    correlation_id: str | None = None
    step: int | None = None
    total: int | None = None
    is_told: bool = False
    is_cut_off: bool = False
    result: str | None = None


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt came to nothing, and what is to follow: seconds until the next, `is_final`: none at all.

    `is_excused`: it was not the job's fault, which is therefore not given up.
    """

    error: str
    pause: float = 0.0
    is_final: bool = False
    is_excused: bool = False


class Lost(msgspec.Struct, frozen=True):
    """A job whose worker was lost, and what it is now: waiting, or dead."""

    id: UUID
    name: str
    state: str


class Leases:
    """The jobs' rows, as a worker changes them."""

    def __init__(self, database: Database) -> None:
        self._statements = Reader(database.write)  # no BEGIN: one round trip each

    async def claim(self, names: Sequence[str], places: int) -> list[Taken]:
        """Take what is due of these jobs, the most urgent first, and no more than there are places for."""
        return [Taken(*row) for row in await self._statements.fetch(CLAIM, (names, places, SECONDS))]

    async def claim_starved(self, names: Sequence[str], queues: Sequence[int], after: float) -> list[Taken]:
        """Take one, of any of these queues, that has been due for so many seconds."""
        return [Taken(*row) for row in await self._statements.fetch(CLAIM_STARVED, (names, queues, SECONDS, after))]

    async def renew(self, held: Collection[Taken]) -> set[tuple[UUID, int]]:
        """Hold these for longer; returns, of those that are still this worker's or done by it, ids and leases."""
        return {tuple(row) for row in await self._statements.fetch(RENEW, (*_keys(held), SECONDS))}

    async def note(self, held: Collection[Taken]) -> None:
        """Write how far these are."""
        await self._statements.fetch(NOTE, (*_keys(held), *_steps(held)))

    async def finish(self, held: Collection[Taken]) -> tuple[set[UUID], bool]:
        """These are done, and left the database alone; those that were this worker's, and whether a group went on."""
        given = (*_keys(held), [one.result for one in held], *_steps(held))
        rows = await self._statements.fetch(FINISH_ALL, given)
        return {row[0] for row in rows}, any(row[1] for row in rows)

    async def fail(self, one: Taken, failure: Failure) -> str | None:
        """An attempt came to nothing; returns what the job is now, None where it was this worker's no more."""
        given = (one.id, one.lease, failure.error, failure.pause, failure.is_final, failure.is_excused)
        rows = await self._let_go(FAIL, given)
        return rows[0][2] if rows else None

    async def give_back(self, held: Collection[Taken]) -> set[UUID]:
        """Let others have these, as if they had not been tried."""
        return {row[0] for row in await self._let_go(GIVE_BACK, _keys(held))}

    async def expire(self) -> list[Lost]:
        """Take away what workers hold that are not heard of any more."""
        return [Lost(*row) for row in await self._let_go(EXPIRE, (EXPIRED_AT_ONCE,))]

    async def _let_go(self, statement: str, given: Sequence[Any]) -> list[Any]:
        """Another that was enqueued, but not committed, when the statement began is there to be seen the next time."""
        try:
            return await self._statements.fetch(statement, given)
        except UniqueViolationError:
            return await self._statements.fetch(statement, given)


def _keys(held: Collection[Taken]) -> tuple[list[UUID], list[int]]:
    return [one.id for one in held], [one.lease for one in held]


def _steps(held: Collection[Taken]) -> tuple[list[int | None], list[int | None]]:
    return [one.step for one in held], [one.total for one in held]
