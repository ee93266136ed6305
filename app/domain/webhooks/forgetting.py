"""Forgetting messages: those that are old, and those of endpoints that were deleted."""

from app.domain.webhooks.messages import clear, clear_deleted
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork

AT_ONCE = 5_000


@job(queue="bulk", schedule="47 3 * * *")
async def clear_deliveries(work: JobWork) -> None:
    """Forget what became of messages older than `LITEHOUSE_WEBHOOK_DAYS`, so many at once."""
    if await clear(work, work.resources.settings.database.webhook_days, AT_ONCE) == AT_ONCE:
        await work.enqueue(clear_deliveries())


@job(queue="bulk", schedule="57 3 * * *")
async def forget_deleted(work: JobWork) -> None:
    """Forget the messages of endpoints that were deleted, so many at once, and at last the endpoints."""
    if await clear_deleted(work, AT_ONCE) == AT_ONCE:
        await work.enqueue(forget_deleted())
