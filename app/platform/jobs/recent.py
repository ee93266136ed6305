"""How many jobs were over of late."""

from datetime import datetime

from app.platform.database.work import Source

# By the index of those that are over, without a look at their rows.
PER_MINUTE = """
SELECT date_trunc('minute', ended_at), count(*) FROM platform_job
WHERE state IN ('done', 'cancelled') AND ended_at > now() - interval '1 hour' GROUP BY 1
"""


async def per_minute(source: Source) -> dict[datetime, int]:
    """How many were done or cancelled in each minute of the last hour in which there were any."""
    return dict(map(tuple, await source.fetch(PER_MINUTE, ())))
