"""In a server values are computed once for all processes, and computed by each while it is away."""

import asyncio
from functools import partial

from app.platform.cache import valkey as shared
from app.platform.cache.cache import Cached
from app.platform.database import changes as marking
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from tests.platform.cache.caching import WHALES, MakeCache, Sea, Whale, forgotten, waited_for
from tests.platform.cache.server import Server


async def test_of_two_processes_that_share_a_server_one_computes(in_valkey: MakeCache, sea: Sea):
    (one, _), (other, _) = in_valkey(), in_valkey()
    sea.open.clear()
    tasks = [asyncio.create_task(cache.get(WHALES, "blue", sea.whale)) for cache in (one, other) for _ in range(50)]
    await waited_for(one, 49)
    await waited_for(other, 49)
    sea.open.set()
    assert await asyncio.gather(*tasks) == [Whale("whale 1")] * 100
    sea.open.clear()
    leaving = asyncio.create_task(one.get(WHALES, "grey", sea.whale))
    await sea.until_asked(2)
    staying = asyncio.create_task(other.get(WHALES, "grey", sea.whale))
    leaving.cancel()
    await sea.until_asked(3)
    sea.open.set()
    assert await staying == Whale("whale 3")


async def test_without_its_server_values_are_computed_and_what_was_told_meanwhile_is_not_lost(
    in_valkey: MakeCache, valkey: Server, database: Database, sea: Sea, clock: list[float], capfd
):
    (cache, changes), present = in_valkey(), partial(database.reader().fetch, marking.PRESENT, ())
    await cache.get(WHALES, "blue", sea.whale)
    cache._store._again_at = float("inf")  # it is as if it were away
    await forgotten(database, cache, WHALES.name)
    assert [(await cache.get(WHALES, "blue", sea.whale)).name for _ in range(2)] == ["whale 2", "whale 3"]
    await changes._forget((await present())[0][0])  # the marks are cleared away, for they are old
    another, _ = in_valkey()  # a process that heard nothing of it
    assert (await another.get(WHALES, "blue", sea.whale)).name == "whale 4"

    valkey.stop()
    cache._store._again_at = float("-inf")
    try:
        names = [(await cache.get(WHALES, "blue", sea.whale)).name for _ in range(20)]
    finally:
        valkey.start()
    assert names == [f"whale {number}" for number in range(5, 25)]
    flush_log()
    assert capfd.readouterr().out.count("the cache's server is away") == 1
    clock[0] += shared.AGAIN
    assert [(await cache.get(WHALES, "blue", sea.whale)).name for _ in range(2)] == ["whale 25"] * 2


async def test_values_of_another_form_of_the_type_are_not_read(in_valkey: MakeCache, sea: Sea):
    cache, _ = in_valkey()
    await cache.get(WHALES, "blue", sea.whale)

    async def number() -> int:
        return 7

    assert await cache.get(Cached(WHALES.name, int, ttl=100), "blue", number) == 7
    assert await cache.get(WHALES, "blue", sea.whale) == Whale("whale 1")
