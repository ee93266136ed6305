"""Work that is never over: a round of it whenever there may be something to do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

LONGEST_PAUSE = 30.0  # seconds between tries, while the database is away


async def rounds(
    do: Callable[[], Awaitable[object]],
    bell: asyncio.Event,
    pause: float | None,
    ending: asyncio.Event,
    warn: Callable[..., object],
    longest: float = LONGEST_PAUSE,
) -> None:
    """Do it until `ending` is set: again at once where it says that there is more, else at the bell or after the pause.

    An Exception is told to `warn`, as `reason`, and the next try comes 0.2 seconds later, after each further one twice
    as late, `longest` seconds at most. Pauses are in seconds.
    """
    failures = 0
    while not ending.is_set():
        bell.clear()
        try:
            is_more = await do()
        except Exception as error:  # noqa: BLE001 - nothing is lost meanwhile
            failures += 1
            warn(reason=f"{type(error).__name__}: {error}")
            await _rung(ending, min(0.1 * 2.0 ** min(failures, 20), longest))
            continue
        failures = 0
        if not (is_more or ending.is_set()):
            await _rung(bell, pause)


async def _rung(bell: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # before Python 3.12 wait_for() lets a bell hide a cancellation
            await bell.wait()
