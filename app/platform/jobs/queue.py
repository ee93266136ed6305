"""How a job gets into the queue: as a row of the transaction that wants it done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.kit.errors import Busy
from app.kit.identity import Viewer
from app.platform.jobs.declaration import Call
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
LOOKS = 5  # between the two statements the other one may end, and yet another begin

Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]


async def enqueue(fetch: Fetch, call: Call, due: datetime | None, viewer: Viewer) -> UUID:
    """The job's id, or that of the one which stands for it. `fetch` runs a statement of the transaction."""
    ids = IDS.get()
    one = call.job
    row = (one.name, one.queue, call.arguments, call.unique_key, due, one.tries, viewer.id, ids and ids.request)
    for _ in range(LOOKS):
        if found := await fetch(ENQUEUE, row) or await fetch(THE_OTHER, (one.name, call.unique_key)):
            return found[0][0]
    message = f"{one.name} is enqueued and done over and over by others"
    raise Busy(message, retry_after=1)
