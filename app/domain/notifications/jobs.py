"""What is done about notifications by the clock."""

from uuid import UUID

from app.domain.notifications.mailing import mail_digest
from app.domain.notifications.queries import readers_of_digests
from app.domain.notifications.services import forget_read, leave_to_digest
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork

READERS_AT_ONCE = 200
ROWS_AT_ONCE = 10_000
READ_DAYS = 90  # that a notification is kept once it was read
NOBODY = UUID(int=0)


@job(queue="low", unique=("after",), schedule="0 7 * * *")
async def send_digests(work: JobWork, after: UUID = NOBODY) -> None:
    """Each morning, leave a mail to be written for each user who has something in their digest; so many at once."""
    await work.resources.sealing.seal()  # or nobody could unsubscribe: better one job that fails than one a user
    if after == NOBODY:
        await leave_to_digest(work)
    readers = await readers_of_digests.all(work, after=after, limit=READERS_AT_ONCE)
    await work.enqueue_all([mail_digest(user=reader.user_id) for reader in readers])
    if len(readers) == READERS_AT_ONCE:
        await work.enqueue(send_digests(after=readers[-1].user_id))


@job(queue="bulk", schedule="7 4 * * *")
async def clear_notifications(work: JobWork) -> None:
    """Each night, delete what was read long ago, so much at once."""
    if await forget_read(work, days=READ_DAYS, limit=ROWS_AT_ONCE) == ROWS_AT_ONCE:
        await work.enqueue(clear_notifications())
