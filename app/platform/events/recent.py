"""What was published of late: by the log's own key, so that it costs as much in a long log as in a short one."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.platform.database.work import Source

MOST = 10_000  # events that are counted: the log has no index by time, and by position the latest are found at once
NEWEST = """
SELECT position, at, name, subject, actor, request_id FROM platform_event
WHERE position < $1 ORDER BY position DESC LIMIT $2
"""
PER_MINUTE = """
SELECT date_trunc('minute', at), count(*) FROM (
    SELECT at FROM platform_event ORDER BY position DESC LIMIT $1
) AS latest WHERE at > now() - interval '1 hour' GROUP BY 1
"""
# Not all of them: where nobody puts them into the log there may be very many.
UNTOLD = "SELECT count(*) FROM (SELECT FROM platform_outbox LIMIT $1) AS first"


class Published(msgspec.Struct, frozen=True):
    """An event as the log knows it, without what it says."""

    position: int
    at: datetime
    name: str
    subject: str
    actor: UUID | None
    request_id: str | None


async def newest(source: Source, limit: int, before: int = 2**63 - 1) -> list[Published]:
    """The latest events before a position."""
    return [Published(*row) for row in await source.fetch(NEWEST, (before, limit))]


async def per_minute(source: Source) -> dict[datetime, int]:
    """How many of the last hour's events, or of the latest ten thousand if these are fewer, fell in each minute."""
    return dict(map(tuple, await source.fetch(PER_MINUTE, (MOST,))))


async def untold(source: Source, most: int) -> int:
    """How many events are not in the log yet; `most` where they are as many, or more."""
    return (await source.fetch(UNTOLD, (most,)))[0][0]
