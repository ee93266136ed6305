"""Computed values in this process's memory, so many bytes of them: those that nobody asks for make room."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import NamedTuple

from prometheus_client import Gauge

from app.platform.database.changes import EVERYTHING

LARGEST_SHARE = 8  # no value takes more than this part of the memory that there is for all
OVERHEAD = 500  # bytes of Python's own for a value
BYTES = Gauge("cache_bytes", "Memory that computed values take", multiprocess_mode="livesum")


class Kept(NamedTuple):
    """A value, and until when, by `monotonic`, it is one."""

    body: bytes
    until: float
    tags: Collection[str]
    size: int


class Memory:
    """`capacity`: bytes of it; 0 keeps nothing."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._tagged: dict[str, set[str]] = {}  # the keys of the values with a tag

    async def read(self, key: str, tags: Collection[str]) -> bytes | None:  # noqa: ARG002 - it knows them
        """The value, if it is there and not too old."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.body

    @asynccontextmanager
    async def turn(
        self, key: str, tags: Collection[str]
    ) -> AsyncGenerator[tuple[None, Callable[[bytes, float], Awaitable[None]]]]:
        """At once: within the process, the cache itself lets one alone compute."""
        yield None, partial(self._keep, key, tags)

    async def _keep(self, key: str, tags: Collection[str], body: bytes, seconds: float) -> None:
        """Unless it is too large."""
        size = len(body) + OVERHEAD + 2 * (len(key) + sum(map(len, tags)))
        if size * LARGEST_SHARE > self._capacity:
            return
        self._drop(key)
        self._kept[key] = Kept(body, monotonic() + seconds, tags, size)
        self._size += size
        for tag in tags:
            self._tagged.setdefault(tag, set()).add(key)
        while self._size > self._capacity:
            self._drop(next(iter(self._kept)))
        BYTES.set(self._size)

    def hear(self, tags: Collection[str], *, missed: bool) -> None:
        """Drop what has one of these tags; all, where others may have been changed as well."""
        for tag in (EVERYTHING,) if missed else tags:
            for key in tuple(self._tagged.get(tag, ())):
                self._drop(key)

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self._size -= kept.size
        BYTES.set(self._size)
        for tag in kept.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]

    async def has_let_go(self) -> bool:
        """It has: it does so as it hears."""
        return True

    @property
    def must_look(self) -> bool:
        """As long as there is something that could be dropped."""
        return bool(self._kept)

    async def close(self) -> None:
        """Nothing is open."""
