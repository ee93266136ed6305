"""Sending once more what happened in a range of time: a job, for there may be much of it."""

from datetime import datetime
from uuid import UUID

from app.domain.webhooks.delivering import waken
from app.domain.webhooks.messages import replayed
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork


@job(queue="bulk")
async def replay_range(work: JobWork, endpoint: UUID, since: datetime, until: datetime, after: int = 0) -> str:
    """Write the events of this time that the endpoint hears down once more, so many at once, from a position on."""
    found, last, written = await replayed(work, endpoint, since, until, after)
    if found:
        await waken(work, [endpoint])
        await work.enqueue(replay_range(endpoint=endpoint, since=since, until=until, after=last))
    return f"webhooks:{endpoint}:{written}"
