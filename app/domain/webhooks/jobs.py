"""What webhooks does by the clock."""

from app.domain.webhooks.delivering import waken
from app.domain.webhooks.messages import clear, clear_deleted, forgotten
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork

AT_ONCE = 5_000


@job(queue="low", unique=(), schedule="*/5 * * * *")
async def wake_forgotten(work: JobWork) -> None:
    """Begin rounds that nothing else would: an admin may have cancelled a job."""
    if endpoints := await forgotten(work.aside):
        await waken(work, endpoints)


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
