"""Until a statement waits for a lock: only then is a test's race on, however long that takes."""

import asyncio

import asyncpg

# Of this database alone: tests that run beside have theirs on the same server.
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND backend_type = 'client backend'
"""


async def until_waiting(url: str, count: int = 1) -> None:
    """Return once so many statements wait for a lock; within half a minute, or the test fails."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(30):
            while await connection.fetchval(WAITING) < count:
                await asyncio.sleep(0.01)
    finally:
        await connection.close()
