"""Jobs that many tests do, and processes of theirs."""

import asyncio

from app.platform.database.work import UnitOfWork
from app.platform.jobs.declaration import job

EFFECT = """
INSERT INTO platform_counter (name, key, shard, value) VALUES ('effect', $1, 0, 1)
ON CONFLICT (name, key, shard) DO UPDATE SET value = platform_counter.value + 1
"""


@job(tries=100)
async def slow_effect(work: UnitOfWork, key: str) -> None:
    """Half of it is written for a while before it commits."""
    await work.fetch(EFFECT, (key,))
    await asyncio.sleep(0.2)


@job()
async def note(work, key: str) -> str:
    """Its effect is counted; a second time it would be two."""
    await work.fetch(EFFECT, (key,))
    return f"note:{key}"


@job()
async def rest(work) -> None:
    """Leaves the database alone."""
