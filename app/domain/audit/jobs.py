"""What audit does by the clock: it seals what was recorded, makes room for what will be, and drops what is too old."""

from datetime import UTC, datetime, timedelta

import structlog

from app.domain.audit.pruning import make_room, prune
from app.domain.audit.sealing import seal_some
from app.kit.errors import Busy
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork
from app.platform.sealing import Seal

log = structlog.get_logger()


@job(queue="low", schedule="* * * * *", timeout=120)
async def seal_entries(work: JobWork) -> None:
    """Seal all that no transaction can add to any more, some thousand entries at once."""
    if (seal := await _seal(work)) and await seal_some(work, seal):
        await work.enqueue(seal_entries())


# Where a lock is not had at once they fail, and are tried again: for a day, every quarter of an hour at last.
@job(queue="low", schedule="23 2 * * *", tries=100, longest_pause=900)
async def make_parts(work: JobWork) -> None:
    """Make the parts of the coming months."""
    await make_room(work)


@job(queue="low", schedule="33 2 * * *", tries=100, longest_pause=900)
async def keep_parts(work: JobWork) -> None:
    """Drop the parts that are older than `LITEHOUSE_AUDIT_DAYS`, one at once."""
    days = work.resources.settings.database.audit_days
    if not days or (seal := await _seal(work)) is None:
        return
    if dropped := await prune(work, seal, (datetime.now(UTC) - timedelta(days=days)).date()):
        work.after_commit(lambda: log.info("an old part of the trail dropped", part=dropped))
        await work.enqueue(keep_parts())


async def _seal(work: JobWork) -> Seal | None:
    """The installation's; nothing in production without keys, of which `check` tells."""
    try:
        return await work.resources.sealing.seal()
    except Busy as error:
        log.warning("the trail is not sealed", reason=error.detail)
        return None
