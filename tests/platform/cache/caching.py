"""What tests of the cache ask for: something to keep, and caches that are as far apart as those of two processes."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec

from app.platform.cache.cache import Cache, Cached
from app.platform.database.changes import Changes
from app.platform.database.pools import Database
from config.settings import CacheSettings, Settings


class Whale(msgspec.Struct):
    name: str
    calves: list[str] = []


WHALES = Cached("tests.whales", Whale, ttl=100)
MakeCache = Callable[[], tuple[Cache, Changes]]


class Sea:
    """Where whales are counted, which costs much: each is another one."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def whale(self) -> Whale:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return Whale(f"whale {number}")

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(20):
            while self.asked < times:
                await asyncio.sleep(0.005)


def caches(database: Database, settings: Settings, **options: object) -> MakeCache:
    """Makes one after the other, each with its own knowledge of what was changed."""
    settings = replace(settings, cache=CacheSettings(**options))

    def make() -> tuple[Cache, Changes]:
        changes = Changes(database)
        return Cache(settings, changes), changes

    return make


async def waited_for(cache: Cache, times: int) -> None:
    """Until so many wait for what another computes."""
    async with asyncio.timeout(20):
        while sum(len(one.over._waiters) for one in cache._underway.values()) < times:
            await asyncio.sleep(0.005)


async def forgotten(database: Database, cache: Cache, *tags: str) -> None:
    work = database.unit_of_work()
    await work.run(lambda: cache.forget(work, *tags))
