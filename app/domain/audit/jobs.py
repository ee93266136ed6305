"""What audit does by the clock: it seals what was recorded, makes room for what will be, and drops what is too old."""

from datetime import UTC, datetime, timedelta

import structlog

from app.domain.audit.sealing import MAKE_PARTITIONS, MONTHS_AHEAD, prune, seal_some
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


@job(queue="low", schedule="23 2 * * *")
async def keep_parts(work: JobWork) -> None:
    """Make the parts of the coming months, and drop those older than `LITEHOUSE_AUDIT_DAYS`."""
    await work.fetch(MAKE_PARTITIONS, (MONTHS_AHEAD,))
    days = work.resources.settings.database.audit_days
    if days and (seal := await _seal(work)):
        dropped = await prune(work, seal, (datetime.now(UTC) - timedelta(days=days)).date())
        if dropped:
            work.after_commit(lambda: log.info("old parts of the trail dropped", parts=dropped))


async def _seal(work: JobWork) -> Seal | None:
    """The installation's; nothing in production without keys, of which `check` tells."""
    try:
        return await work.resources.sealing.seal()
    except Busy as error:
        log.warning("the trail is not sealed", reason=error.detail)
        return None
