"""What webhooks does by the clock, beside forgetting."""

from app.domain.webhooks.delivering import waken
from app.domain.webhooks.messages import forgotten
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork


@job(queue="low", unique=(), schedule="*/5 * * * *")
async def wake_forgotten(work: JobWork) -> None:
    """Begin rounds that nothing else would: an admin may have cancelled a job."""
    await waken(work, await forgotten(work.aside))
