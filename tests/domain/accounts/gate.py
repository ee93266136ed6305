"""A gate before the hashing of passwords: what others do meanwhile can be seen at leisure."""

import asyncio
from threading import Event, Semaphore


class Gate:
    """Holds every thread that is about to hash until it is opened."""

    def __init__(self) -> None:
        self._open = Event()
        self._arrived = Semaphore(0)

    def wait(self) -> None:
        self._arrived.release()
        assert self._open.wait(30), "the gate was never opened"

    async def arrival(self) -> None:
        """Wait until a thread stands before the gate."""
        assert await asyncio.to_thread(self._arrived.acquire, timeout=30), "nobody hashes"

    def open(self) -> None:
        self._open.set()
