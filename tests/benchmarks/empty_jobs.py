"""Jobs that cost next to nothing themselves."""

import asyncio
import time

from app.platform.database.work import UnitOfWork
from app.platform.jobs.declaration import job

begun: "asyncio.Queue[float]" = asyncio.Queue()


@job()
async def empty(work: UnitOfWork) -> None:
    """Nothing."""


@job()
async def write(work: UnitOfWork) -> None:
    """The least that a job does which writes: one statement."""
    await work.fetch("SELECT pg_current_xact_id()", ())


@job()
async def tell(work: UnitOfWork) -> None:
    """Say when it begins."""
    begun.put_nowait(time.perf_counter())
