"""What costs much is computed once and kept until it is old or changed, in memory or in a server for all processes."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from app.platform.cache import cache as caching
from app.platform.cache import memory, seldom
from app.platform.cache import valkey as shared
from app.platform.cache.cache import BOUND, Cache, Cached
from app.platform.database import changes as marking
from app.platform.database.changes import Changes
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from config.settings import Settings
from tests.conftest import Aside
from tests.e2e.running import free_port
from tests.platform.cache.caching import WHALES, MakeCache, Sea, Whale, caches, forgotten, waited_for


class Server:
    """A Valkey, or the Redis that understands the same."""

    def __init__(self, program: str) -> None:
        self.port = free_port()
        self.url = f"valkey://127.0.0.1:{self.port}/1"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, cwd="/")
        assert self._process.stdout is not None
        assert any(b"eady to accept connections" in line for line in self._process.stdout)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="session")
def _valkey() -> Iterator[Server]:
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("no Valkey on this machine: on Debian, `apt install redis-server`")
    server = Server(program)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def valkey(_valkey: Server) -> Server:
    """It, empty."""
    store = shared.Valkey(_valkey.url)
    await store._client.flushall()
    await store.close()
    return _valkey


@pytest.fixture
async def in_memory(database: Database, settings: Settings) -> MakeCache:
    return caches(database, settings, value_bytes=1_000_000)


@pytest.fixture
async def in_valkey(valkey: Server, database: Database, settings: Settings) -> AsyncIterator[MakeCache]:
    made: list[Cache] = []
    make = caches(database, settings, url=valkey.url)

    def make_and_close() -> tuple[Cache, Changes]:
        cache, changes = make()
        made.append(cache)
        return cache, changes

    yield make_and_close
    for cache in made:
        await cache._store.close()


@pytest.fixture(params=["memory", "valkey"])
def make_cache(request: pytest.FixtureRequest) -> MakeCache:
    return request.getfixturevalue(f"in_{request.param}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that have passed besides those that did."""
    passed = [0.0]
    for part in (caching, memory, shared, marking, seldom):
        monkeypatch.setattr(part, "monotonic", lambda: time.monotonic() + passed[0])
    return passed


@pytest.fixture
def sea() -> Sea:
    return Sea()


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
