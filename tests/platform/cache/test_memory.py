"""In memory a value lives its time, within a bound, and as long as it is known that nothing has changed."""

import asyncio

import pytest

from app.platform.cache import cache as caching
from app.platform.cache import memory
from app.platform.cache.cache import BOUND, Cache, Cached
from app.platform.database.pools import Database
from config.settings import Settings
from tests.platform.cache.caching import WHALES, MakeCache, Sea, Whale, caches, forgotten, waited_for


async def test_a_value_lives_its_time_a_tenth_more_or_less(in_memory: MakeCache, sea: Sea, clock: list[float]):
    cache, _ = in_memory()
    keys = [str(number) for number in range(200)]
    for key in keys:
        await cache.get(WHALES, key, sea.whale)

    async def computed() -> int:
        before = sea.asked
        for key in keys:
            await cache.get(WHALES, key, sea.whale)
        return sea.asked - before

    clock[0] = 89
    assert await computed() == 0
    clock[0] = 100
    assert 40 < await computed() < 160  # they do not end together
    clock[0] = 111
    assert 40 < await computed() < 160


async def test_memory_has_a_bound_and_what_nobody_asks_for_makes_room(database: Database, settings: Settings, sea: Sea):
    cache, _ = caches(database, settings, value_bytes=20_000)()
    for number in range(100):
        await cache.get(WHALES, str(number), sea.whale, tags=(f"sea:{number}",))
        await cache.get(WHALES, "favourite", sea.whale)
    store = cache._store
    assert isinstance(store, memory.Memory)
    assert 15_000 < store._size <= 20_000
    assert store._size == sum(kept.size for kept in store._kept.values()) == memory.BYTES._value.get()
    assert len(store._tagged) < 2 * len(store._kept) + 3
    assert (await cache.get(WHALES, "favourite", sea.whale)).name == "whale 2"
    asked = sea.asked
    await cache.get(WHALES, "0", sea.whale)
    assert sea.asked == asked + 1

    async def leviathan() -> str:
        sea.asked += 1
        return "x" * 3_000

    texts = Cached("tests.texts", str, ttl=100)
    for _ in range(2):
        await cache.get(texts, "too large", leviathan)
    assert sea.asked == asked + 3
    assert store._size > 15_000


async def test_who_hears_nothing_of_changes_keeps_nothing(settings: Settings, sea: Sea):
    cache = Cache(settings, None)
    sea.open.clear()
    tasks = [asyncio.create_task(cache.get(WHALES, "blue", sea.whale)) for _ in range(10)]
    await waited_for(cache, 9)
    sea.open.set()
    assert await asyncio.gather(*tasks) == [Whale("whale 1")] * 10
    await cache.get(WHALES, "blue", sea.whale)
    assert sea.asked == 2


async def test_while_the_database_is_away_values_are_computed(
    in_memory: MakeCache, sea: Sea, clock: list[float], monkeypatch: pytest.MonkeyPatch
):
    cache, changes = in_memory()
    await cache.get(WHALES, "blue", sea.whale)

    async def away(_since: float) -> None:
        raise ConnectionRefusedError("nobody listens")

    clock[0] += BOUND
    with monkeypatch.context() as patch:
        patch.setattr(changes, "check", away)
        assert [(await cache.get(WHALES, "blue", sea.whale)).name for _ in range(2)] == ["whale 2", "whale 3"]
    assert (await cache.get(WHALES, "blue", sea.whale)).name == "whale 3"


async def test_who_was_not_asked_for_long_has_heard_nevertheless(
    in_memory: MakeCache, database: Database, sea: Sea, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(caching, "LOOKED_EVERY", 0.01)
    cache, changes = in_memory()
    async with cache.lifespan():
        await cache.get(WHALES, "blue", sea.whale)
        other, _ = in_memory()
        await forgotten(database, other, WHALES.name)
        async with asyncio.timeout(20):
            while cache._store.must_look:
                await asyncio.sleep(0.01)
        checked = changes.checked_at
        await asyncio.sleep(0.05)
        assert changes.checked_at == checked  # nothing is kept: nothing is asked
