"""How a job gets into the queue: as a row of the transaction that wants it done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kit.errors import Busy
from app.kit.identity import Viewer
from app.platform.jobs.declaration import Call, Group
from app.platform.observability.identity import IDS

QUEUED, CANCELLED = "platform_job", "platform_job_cancelled"  # channels: something waits; something is to be cut off
ENQUEUE = """
INSERT INTO platform_job (name, queue, arguments, unique_key, due_at, tries, actor, request_id)
VALUES ($1, $2, $3::jsonb, $4, coalesce($5, now()), $6, $7, $8)
ON CONFLICT (name, unique_key) WHERE unique_key IS NOT NULL AND state IN ('waiting', 'running') DO NOTHING RETURNING id
"""
THE_OTHER = """
SELECT id FROM platform_job WHERE name = $1 AND unique_key = $2 AND state IN ('waiting', 'running')
"""
HOLD = """
INSERT INTO platform_job (name, queue, arguments, tries, actor, request_id, pending, state)
VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, CASE $7::int WHEN 0 THEN 'waiting' ELSE 'held' END) RETURNING id
"""
ENQUEUE_ALL = """
INSERT INTO platform_job (name, queue, arguments, tries, due_at, actor, request_id, then_id)
SELECT name, queue, arguments::jsonb, tries, coalesce($5, now()), $6, $7, $8
FROM unnest($1::text[], $2::smallint[], $3::text[], $4::smallint[]) AS given (name, queue, arguments, tries)
"""
LOOKS = 5  # between the two statements the other one may end, and yet another begin

Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]


async def enqueue(fetch: Fetch, call: Call | Group, due: datetime | None, viewer: Viewer) -> UUID:
    """The job's id, or that of the one which stands for it; a group's is that of the job after it.

    `fetch` runs a statement of the transaction. Raises Busy where the one that stands for it changes at each look.
    """
    if isinstance(call, Group):
        return await _enqueue_group(fetch, call, due, viewer)
    ids = IDS.get()
    one = call.job
    row = (
        one.name,
        one.queue,
        call.arguments,
        call.unique_key,
        due,
        one.treatment.tries,
        viewer.id,
        ids and ids.request,
    )
    if call.row is not None:
        return (await fetch(f"WITH written AS ({call.row.sql}) {ENQUEUE}", (*row, *call.row.values)))[0][0]
    for _ in range(LOOKS):
        if found := await fetch(ENQUEUE, row) or await fetch(THE_OTHER, (one.name, call.unique_key)):
            return found[0][0]
    message = f"{one.name} is enqueued and done over and over by others"
    raise Busy(message, retry_after=1)


async def _enqueue_group(fetch: Fetch, group: Group, due: datetime | None, viewer: Viewer) -> UUID:
    ids = IDS.get()
    caller = viewer.id, ids and ids.request
    last, jobs = group.then.job, [call.job for call in group.calls]
    row = (last.name, last.queue, group.then.arguments, last.treatment.tries, *caller, len(jobs))
    [(then,)] = await fetch(HOLD, row)
    columns = ([job.name for job in jobs], [job.queue for job in jobs], [call.arguments for call in group.calls])
    if jobs:
        await fetch(ENQUEUE_ALL, (*columns, [job.treatment.tries for job in jobs], due, *caller, then))
    return then
