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
ONCE = "ON CONFLICT (name, unique_key) WHERE unique_key IS NOT NULL AND state IN ('waiting', 'running') DO NOTHING"
ENQUEUE = f"""
INSERT INTO platform_job (name, queue, arguments, unique_key, due_at, tries, actor, request_id, correlation_id)
VALUES ($1, $2, $3::jsonb, $4, coalesce($5, now()), $6, $7, $8, $9) {ONCE} RETURNING id
"""  # noqa: S608 - of a text of ours
THE_OTHER = """
SELECT id FROM platform_job WHERE name = $1 AND unique_key = $2 AND state IN ('waiting', 'running')
"""
HOLD = """
INSERT INTO platform_job (name, queue, arguments, tries, actor, request_id, correlation_id, pending, state)
VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, CASE $8::int WHEN 0 THEN 'waiting' ELSE 'held' END) RETURNING id
"""
ENQUEUE_ALL = f"""
INSERT INTO platform_job (name, queue, arguments, tries, unique_key, due_at, actor, request_id, correlation_id, then_id)
SELECT name, queue, arguments::jsonb, tries, unique_key, coalesce($6, now()), $7, $8, $9, $10
FROM unnest($1::text[], $2::smallint[], $3::text[], $4::smallint[], $5::text[])
    AS given (name, queue, arguments, tries, unique_key) {ONCE}
"""  # noqa: S608 - of a text of ours
LOOKS = 5  # between the two statements the other one may end, and yet another begin

Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]


async def enqueue(fetch: Fetch, call: Call | Group, due: datetime | None, viewer: Viewer) -> UUID:
    """The job's id, or that of the one which stands for it; a group's is that of the job after it.

    `fetch` runs a statement of the transaction. Raises Busy where the one that stands for it changes at each look.
    """
    if isinstance(call, Group):
        return await _enqueue_group(fetch, call, due, viewer)
    one = call.job
    row = (one.name, one.queue, call.arguments, call.unique_key, due, one.treatment.tries, *_caller(viewer))
    if call.row is not None:
        return (await fetch(f"WITH written AS ({call.row.sql}) {ENQUEUE}", (*row, *call.row.values)))[0][0]
    for _ in range(LOOKS):
        if found := await fetch(ENQUEUE, row) or await fetch(THE_OTHER, (one.name, call.unique_key)):
            return found[0][0]
    message = f"{one.name} is enqueued and done over and over by others"
    raise Busy(message, retry_after=1)


async def _enqueue_group(fetch: Fetch, group: Group, due: datetime | None, viewer: Viewer) -> UUID:
    last = group.then.job
    row = (last.name, last.queue, group.then.arguments, last.treatment.tries, *_caller(viewer), len(group.calls))
    [(then,)] = await fetch(HOLD, row)
    if group.calls:
        await fetch(ENQUEUE_ALL, (*_columns(group.calls), due, *_caller(viewer), then))
    return then


async def enqueue_all(fetch: Fetch, calls: Sequence[Call], due: datetime | None, viewer: Viewer) -> None:
    """All of them by one statement. Raises TypeError for those with a row beside them, which has one of its own."""
    if any(call.row for call in calls):
        raise TypeError("jobs with a row beside them are enqueued one by one")
    # Two transactions that enqueue the same unique jobs wait for each other in this order, never crosswise.
    ordered = sorted(calls, key=lambda call: (call.job.name, call.unique_key or ""))
    await fetch(ENQUEUE_ALL, (*_columns(ordered), due, *_caller(viewer), None))


def _caller(viewer: Viewer) -> tuple[UUID | None, str | None, str | None]:
    ids = IDS.get()
    return viewer.id, ids and ids.request, ids and ids.errand


def _columns(calls: Sequence[Call]) -> tuple[list[Any], ...]:
    rows = [(one.job.name, one.job.queue, one.arguments, one.job.treatment.tries, one.unique_key) for one in calls]
    return tuple(map(list, zip(*rows, strict=True)))
