"""The jobs of mail: one hands a mail over, the other clears away what is over."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.kit.errors import Busy
from app.platform.database.work import Source
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork
from app.platform.mail.backends import MailRefused
from app.platform.mail.message import Mail, Outgoing
from app.platform.mail.suppression import suppress
from app.platform.mail.table import CONTENT

TRIES, LONGEST_PAUSE = 60, 1800.0  # for more than a day, and half an hour at most after a server is there again
SECONDS = 600.0  # for one try: each answer of the server has a time-out of its own
AT_ONCE = 10_000
FORGOTTEN_AFTER = 7  # days, as well: what waits for longer has no job any more that is tried
FIND = """
SELECT message_id, recipient, content, created_at,
    (SELECT reason FROM platform_mail_suppression WHERE address = lower(recipient))
FROM platform_mail WHERE id = $1 AND handed_over_at IS NULL AND failed_at IS NULL
"""
HANDED_OVER = "UPDATE platform_mail SET handed_over_at = clock_timestamp(), content = NULL WHERE id = $1"
FAILED = "UPDATE platform_mail SET failed_at = clock_timestamp(), content = NULL, error = $2 WHERE id = $1"
THROW_AWAY = "DELETE FROM platform_mail WHERE id = $1"
CLEAR = """
DELETE FROM platform_mail WHERE id IN (
    SELECT id FROM platform_mail WHERE created_at < now() - make_interval(days => $1)
    AND coalesce(handed_over_at, failed_at, created_at + make_interval(days => $2)) < now() - make_interval(days => $1)
    ORDER BY created_at LIMIT $3
) RETURNING id
"""

decode = msgspec.msgpack.Decoder(Mail).decode


class Waiting(msgspec.Struct, frozen=True):
    """A mail that waits; `recipient` is None for nobody, `suppressed` says why its recipient gets none."""

    message_id: str
    recipient: str | None
    content: bytes
    written_at: datetime
    suppressed: str | None


@job(tries=TRIES, timeout=SECONDS, longest_pause=LONGEST_PAUSE)
async def send_mail(work: JobWork, mail: UUID) -> str:
    """Hand a mail over, unless its recipient gets none; what the server refuses for good is given up.

    Between the server's yes and our commit the process may end: then it goes out again, by the same Message-ID.
    Raises MailDelayed, to be tried again; SealBroken; Busy where no mail is sent from here.
    """
    if (waiting := await _found(work.aside, mail)) is None:
        return "over already"
    if waiting.recipient is None:
        await work.fetch(THROW_AWAY, (mail,))
        return "for nobody"
    if waiting.suppressed is not None:
        await work.fetch(FAILED, (mail, f"suppressed: {waiting.suppressed}"))
        return "suppressed"
    try:
        await _hand_over(work, mail, waiting)
    except MailRefused as refusal:
        await work.fetch(FAILED, (mail, str(refusal)))
        if refusal.is_nobody:
            await suppress(work, waiting.recipient, str(refusal))
        return "refused"
    await work.fetch(HANDED_OVER, (mail,))
    return "handed over"


async def _found(source: Source, mail: UUID) -> Waiting | None:
    rows = await source.fetch(FIND, (mail,))
    return Waiting(*rows[0]) if rows else None


async def _hand_over(work: JobWork, mail: UUID, waiting: Waiting) -> None:
    mailer, seal = work.resources.mailer, await work.resources.sealing.seal()
    if mailer.backend is None:
        raise Busy("no mail can be sent from here", retry_after=3600)
    content = decode(seal.open(waiting.content, CONTENT.place(mail)))
    outgoing = Outgoing(mail, waiting.message_id, mailer.settings.sender, content, waiting.written_at)
    await mailer.backend.hand_over(outgoing)


@job(queue="bulk", schedule="27 3 * * *")
async def clear_mail(work: JobWork) -> None:
    """Delete the rows of mails that went out, or were given up, `LITEHOUSE_JOB_DAYS` ago, so many at once."""
    days = work.resources.settings.database.job_days
    if len(await work.fetch(CLEAR, (days, FORGOTTEN_AFTER, AT_ONCE))) == AT_ONCE:
        await work.enqueue(clear_mail())
