"""A worker process of the tests' own jobs, with leases of a second: `python -m tests.platform.jobs.process`."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import uvloop

from app.platform.database.pools import Database
from app.platform.events.dispatcher import telling
from app.platform.jobs import leases, running
from app.platform.jobs.running import Crew
from app.platform.resources import Resources
from config.settings import load
from tests.platform.jobs.samples import slow_effect


async def main() -> None:
    """Work until SIGTERM."""
    leases.SECONDS, running.RENEWED_EVERY, running.EXPIRES_EVERY = 1.0, 0.2, 0.2
    settings = load(env_file=None)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    database = Database(settings, on_oversized=sys.exit, write_slots=settings.worker_write_slots)
    notices = telling(database)
    async with AsyncExitStack() as stack:
        for part in (
            database.lifespan(),
            notices.lifespan(),
            Crew(database, notices, [slow_effect], Resources(settings)).lifespan(10),
        ):
            await stack.enter_async_context(part)
        print("working", flush=True)
        await ended.wait()


if __name__ == "__main__":
    uvloop.run(main())
