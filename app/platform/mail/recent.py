"""What admins see of mail: what waits and what failed, and never what it says."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.platform.database.work import Source

DAYS = 7  # for which it is shown what failed
WAITING = """
SELECT id, recipient, subject, created_at, NULL, NULL FROM platform_mail
WHERE handed_over_at IS NULL AND failed_at IS NULL AND recipient IS NOT NULL ORDER BY id LIMIT $1
"""
FAILED = """
SELECT id, recipient, subject, created_at, failed_at, error FROM platform_mail
WHERE failed_at IS NOT NULL AND created_at > now() - make_interval(days => $2) ORDER BY created_at DESC LIMIT $1
"""
PER_HOUR = """
SELECT date_trunc('hour', created_at), count(*) FROM platform_mail
WHERE created_at > now() - interval '1 day' GROUP BY 1
"""


class Letter(msgspec.Struct, frozen=True):
    """A mail to somebody, without what it says."""

    id: UUID
    recipient: str | None
    subject: str
    created_at: datetime
    failed_at: datetime | None
    error: str | None


async def waiting(source: Source, limit: int) -> list[Letter]:
    """Those that are not handed over yet, the oldest first."""
    return [Letter(*row) for row in await source.fetch(WAITING, (limit,))]


async def failed(source: Source, limit: int) -> list[Letter]:
    """Those of the last days that were given up, the newest first."""
    return [Letter(*row) for row in await source.fetch(FAILED, (limit, DAYS))]


async def per_hour(source: Source) -> dict[datetime, int]:
    """How many were written in each hour of the last day in which there were any."""
    return dict(map(tuple, await source.fetch(PER_HOUR, ())))
