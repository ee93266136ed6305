"""The platform's own jobs: what is over, or was answered a day ago, is not kept for ever."""

from app.platform import idempotency
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork
from app.platform.mail.sending import clear_mail, send_mail

AT_ONCE = 10_000
# What was given up stays until somebody decides about it.
CLEAR = """
DELETE FROM platform_job WHERE id IN (
    SELECT id FROM platform_job
    WHERE state IN ('done', 'cancelled') AND ended_at < now() - make_interval(days => $1) ORDER BY ended_at LIMIT $2
) RETURNING id
"""


@job(queue="bulk", schedule="17 3 * * *")
async def clear_jobs(work: JobWork) -> None:
    """Delete the jobs that have been over for `LITEHOUSE_JOB_DAYS`, so many at once."""
    if len(await work.fetch(CLEAR, (work.resources.settings.database.job_days, AT_ONCE))) == AT_ONCE:
        await work.enqueue(clear_jobs())


@job(queue="bulk", schedule="47 * * * *")
async def clear_answers(work: JobWork) -> None:
    """Delete the answers under an Idempotency-Key that were given more than 24 hours ago, so many at once."""
    if await idempotency.clear(work, AT_ONCE) == AT_ONCE:
        await work.enqueue(clear_answers())


OWN_JOBS = (clear_jobs, clear_answers, send_mail, clear_mail)
