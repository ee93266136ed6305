"""Notifications by mail: at once, which is one mail a minute at most, or once a day; and the way out of it."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from app.domain.notifications.queries import mailbox_of
from app.domain.notifications.repositories import take
from app.kit.errors import Invalid
from app.platform.database.work import UnitOfWork
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork
from app.platform.mail.letters import Letters
from app.platform.sealing import SealBroken, Sealing

LETTERS = Letters(Path(__file__).with_name("letters"))
MOST_LISTED = 50  # in one mail
MINUTE = 60
# Behind the end of the minute: so long, at most, does a transaction last that has put something into it.
MARGIN = 30
PAGE = "unsubscribe"
PLACE = "notifications.unsubscribe"  # what the token of a link is bound to


async def mail_soon(work: UnitOfWork, user: UUID) -> None:
    """Have the user mailed what is to be mailed at once: all of a minute together, so that a flood is no flood."""
    minute = int(datetime.now(UTC).timestamp()) // MINUTE
    due = datetime.fromtimestamp((minute + 1) * MINUTE, UTC) + timedelta(seconds=MARGIN)
    await work.enqueue(mail_at_once(user=user, minute=minute), due=due)


@job(queue="default", unique=("user", "minute"))
async def mail_at_once(work: JobWork, user: UUID, minute: int) -> None:  # noqa: ARG001 - it makes the job one of many
    """Mail a user what was to be mailed at once in this minute."""
    await _mail(work, user, "at_once")


@job(queue="low")
async def mail_digest(work: JobWork, user: UUID) -> None:
    """Mail a user all that they have not read and were not mailed yet."""
    await _mail(work, user, None)


async def _mail(work: JobWork, user: UUID, mailed: str | None) -> None:
    """What is taken and the mail that has it are one transaction; a second one finds nothing to take."""
    token = await token_of(work.resources.sealing, user)
    mailbox = await mailbox_of.one(work, user=user)
    items = sorted(await take.all(work, user=user, mailed=mailed), key=lambda one: one.id)
    if mailbox is None or not items:
        return
    listed = [f"{one.actor} {one.text}" if one.actor else one.text for one in items[-MOST_LISTED:]]
    mailer = work.resources.mailer
    letter = LETTERS.write(
        "digest",
        mailbox.email,
        count=len(items),
        listed=[" ".join(line.split()) for line in listed],
        more=len(items) - len(listed),
        address=mailer.link(PAGE, token),
    )
    await mailer.send(work, letter)


async def token_of(sealing: Sealing, user: UUID) -> str:
    """By which a user is mailed no more without signing in: their id, sealed. Raises Busy in production without keys.

    It is kept nowhere, and good for as long as its key is there: who finds an old mail can still end it by that.
    """
    sealed = (await sealing.seal()).close(user.bytes, PLACE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


async def user_of(sealing: Sealing, token: str) -> UUID:
    """Whose it is. Raises Invalid for what is none."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return UUID(bytes=(await sealing.seal()).open(sealed, PLACE))
    except (binascii.Error, ValueError, SealBroken) as error:
        raise Invalid("token", "is not that of a mail's link") from error
