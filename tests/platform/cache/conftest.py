"""Caches in memory and in a server, and a clock that is moved by hand."""

import shutil
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.platform.cache import cache as caching
from app.platform.cache import memory, seldom
from app.platform.cache import valkey as shared
from app.platform.cache.cache import Cache
from app.platform.database import changes as marking
from app.platform.database.changes import Changes
from app.platform.database.pools import Database
from config.settings import Settings
from tests.platform.cache.caching import MakeCache, Sea, caches
from tests.platform.cache.server import Server


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
