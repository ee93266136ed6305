"""The sign of life of a worker, which serves nothing that a health check could ask: a file that it touches."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import gettempdir

import structlog

log = structlog.get_logger()

EVERY = 2.0  # seconds
STALE = 15.0  # seconds without one after which a worker counts as dead


def heartbeat_file() -> Path:
    """Where the workers of this user and machine leave it; in a container there is one worker."""
    return Path(gettempdir()) / f"litehouse-worker-{os.getuid()}"


def age() -> float | None:
    """Seconds since the last one; None where no worker was, or where one ended in order."""
    try:
        return time.time() - heartbeat_file().lstat().st_mtime
    except FileNotFoundError:
        return None


@asynccontextmanager
async def beating() -> AsyncGenerator[None]:
    """Touch the file from the event loop, so that it goes stale when that stands still, and take it away at the end."""
    task = asyncio.create_task(_beat(), name="heartbeat")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(OSError):  # it will be stale
            heartbeat_file().unlink(missing_ok=True)


async def _beat() -> None:
    is_told = False
    while True:
        try:
            _touch()
            is_told = False
        except OSError as error:  # a full disk, a file of somebody else's: the worker's work goes on
            if not is_told:
                log.warning("no sign of life can be left", reason=str(error))
            is_told = True
        await asyncio.sleep(EVERY)


def _touch() -> None:
    # Not through a link: the folder belongs to everybody.
    os.close(os.open(heartbeat_file(), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    os.utime(heartbeat_file(), follow_symlinks=False)
