"""What costs much is computed once and kept until it is old or changed, in memory or in a server for all processes."""

import asyncio

import pytest

from app.platform.cache import cache as caching
from app.platform.cache.cache import BOUND, Cache
from app.platform.database.pools import Database
from tests.conftest import Aside
from tests.platform.cache.caching import WHALES, MakeCache, Sea, Whale, forgotten, waited_for


async def test_a_hundred_who_ask_at_once_have_it_computed_once_and_each_has_a_copy(make_cache: MakeCache, sea: Sea):
    cache, _ = make_cache()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(cache.get(WHALES, "blue", sea.whale)) for _ in range(100)]
    tasks[0].result().calves.append("not for others")
    assert [task.result() for task in tasks[1:]] == [Whale("whale 1")] * 99
    assert await cache.get(WHALES, "blue", sea.whale) == Whale("whale 1")
    assert await cache.get(WHALES, "grey", sea.whale) == Whale("whale 2")


async def test_what_fails_is_told_to_all_who_wait_and_not_kept(make_cache: MakeCache, sea: Sea):
    cache, _ = make_cache()
    sea.error = OSError("fog")
    sea.open.clear()
    tasks = [asyncio.create_task(cache.get(WHALES, "blue", sea.whale)) for _ in range(20)]
    await waited_for(cache, 19)
    sea.open.set()
    assert [str(one) for one in await asyncio.gather(*tasks, return_exceptions=True)] == ["fog"] * 20
    assert sea.asked == 1
    sea.error = None
    assert await cache.get(WHALES, "blue", sea.whale) == Whale("whale 2")

    async def a_wreck() -> Whale:
        return {"name": 1}

    for _ in range(2):  # what is of another type is not kept either
        with pytest.raises(caching.msgspec.ValidationError):
            await cache.get(WHALES, "wreck", a_wreck)


async def test_who_computes_it_may_leave_and_another_goes_on(make_cache: MakeCache, sea: Sea):
    cache, _ = make_cache()
    sea.open.clear()
    first = asyncio.create_task(cache.get(WHALES, "blue", sea.whale))
    await sea.until_asked(1)
    others = [asyncio.create_task(cache.get(WHALES, "blue", sea.whale)) for _ in range(10)]
    await waited_for(cache, 10)
    first.cancel()
    others[3].cancel()
    await sea.until_asked(2)
    sea.open.set()
    ended = await asyncio.gather(first, *others, return_exceptions=True)
    assert [one for one in ended if isinstance(one, Whale)] == [Whale("whale 2")] * 9
    assert sum(isinstance(one, asyncio.CancelledError) for one in ended) == 2
    assert sea.asked == 2


async def test_what_is_forgotten_is_forgotten_here_at_once_and_elsewhere_within_the_bound(
    make_cache: MakeCache, database: Database, sea: Sea, clock: list[float], statements
):
    (here, _), (elsewhere, _) = make_cache(), make_cache()
    shared = make_cache.__name__ == "make_and_close"

    async def seen(cache: Cache, key: str = "blue") -> str:
        return (await cache.get(WHALES, key, sea.whale, tags=("sea:1",))).name

    for cache in (here, elsewhere):
        await seen(cache), await seen(cache, "grey")
    with statements(at_most=0):
        before = [await seen(here), await seen(elsewhere), await seen(elsewhere, "grey")]
    assert before == (["whale 1", "whale 1", "whale 2"] if shared else ["whale 1", "whale 3", "whale 4"])

    work = database.unit_of_work()
    with pytest.raises(OSError, match="rolled back"):
        await work.run(lambda: _forget_and_fail(here, work))
    clock[0] += BOUND
    assert [await seen(here), await seen(elsewhere), await seen(elsewhere, "grey")] == before

    with statements(at_most=4):  # BEGIN, the mark, COMMIT; one question whether something was told
        await forgotten(database, here, WHALES.at("blue"))
        fresh = await seen(here)
    assert fresh not in before
    with statements(at_most=1):
        clock[0] += BOUND
        assert await seen(elsewhere) not in before
        assert await seen(elsewhere, "grey") == before[2]  # has another key

    for tag in ("sea:1", WHALES.name):
        before = [await seen(elsewhere), await seen(elsewhere, "grey")]
        await forgotten(database, here, tag)
        clock[0] += BOUND
        assert not {await seen(elsewhere), await seen(elsewhere, "grey")} & set(before)


async def _forget_and_fail(cache: Cache, work: object) -> None:
    await cache.forget(work, "sea:1")
    raise OSError("rolled back")


async def test_a_change_of_a_marked_table_needs_no_telling(
    make_cache: MakeCache, aside: Aside, sea: Sea, clock: list[float]
):
    cache, _ = make_cache()
    for name in ("whale 1", "whale 1", "whale 2"):
        if name == "whale 2":
            connection = await aside.connection()
            await connection.execute("INSERT INTO platform_counter (name, key, shard, value) VALUES ('sea', '', 0, 1)")
            clock[0] += BOUND
        whale = await cache.get(WHALES, "counted", sea.whale, tags=("platform_counter",))
        assert whale.name == name


async def test_what_changes_while_it_is_computed_is_not_kept_nor_waited_for(
    make_cache: MakeCache, database: Database, sea: Sea
):
    cache, _ = make_cache()
    former = Sea()
    former.open.clear()
    late = asyncio.create_task(cache.get(WHALES, "blue", former.whale))
    await former.until_asked(1)
    await forgotten(database, cache, WHALES.name)
    sea.asked = 1
    fresh = asyncio.create_task(cache.get(WHALES, "blue", sea.whale))
    if make_cache.__name__ != "make_and_close":  # there, the turn of one process is for one alone
        await fresh
    former.open.set()
    assert await late == Whale("whale 1")
    assert await fresh == await cache.get(WHALES, "blue", sea.whale) == Whale("whale 2")
