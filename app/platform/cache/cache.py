"""Values that cost much, computed once for all who want them, and kept until they are old or something has changed.

What changes them is told within its transaction, by a tag: `cache.forget(work, "bank:7")`; or by a table that has
the trigger `changed`, whose name is a tag without anybody telling. Whether something was told is asked of the database
(`database/changes.py`), at most every `BOUND` seconds and when somebody wants a value: nothing can be lost on the way.
A value that was told of is not read `BOUND` seconds after the commit, in the process that told it not at all.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from hashlib import blake2b
from random import uniform
from time import monotonic
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog
from prometheus_client import Counter

from app.kit.errors import AppError
from app.platform.cache.memory import Memory
from app.platform.cache.seldom import Seldom
from app.platform.database.changes import EVERYTHING, MARK, Changes
from app.platform.database.slots import UNREACHABLE
from app.platform.database.work import UnitOfWork
from app.platform.rounds import rounds
from app.platform.statements.compiled import TABLES_READ
from config.settings import Settings

log = structlog.get_logger()

T = TypeVar("T")

BOUND = 1.0  # seconds that a value may be behind what is committed
LOOKED_EVERY = 10.0  # seconds: who asks more seldom than marks are kept would take everything for changed
JITTER = 0.1  # the part of its time that a value lives longer or shorter: what was made together does not end together
LOOKUPS = Counter("cache_lookups_total", "Values that were asked for, by where they came from", ["name", "outcome"])
MADE = Counter("cache_computations_total", "Values that were computed, by how that ended", ["name", "outcome"])

encode = msgspec.msgpack.Encoder().encode
Keep = Callable[[bytes, float], Awaitable[None]]


class Store(Protocol):
    """Where values are: in memory, or in a server. That it fails is no error of who asks for a value."""

    async def read(self, key: str, tags: Collection[str]) -> bytes | None:
        """The value, if it is there and none of its tags was heard of since it was computed."""
        ...

    def turn(self, key: str, tags: Collection[str]) -> AbstractAsyncContextManager[tuple[bytes | None, Keep]]:
        """The right to compute a value, and how to keep it then; or the value, if another process has made it."""
        ...

    def hear(self, tags: Collection[str], *, missed: bool) -> None:
        """Have no value with one of these tags read any more; `missed`: others may have been changed as well."""
        ...

    async def has_let_go(self) -> bool:
        """Whether all that it has heard of is done."""
        ...

    @property
    def must_look(self) -> bool:
        """Whether it has to hear, though nobody asks for a value."""
        ...

    async def close(self) -> None:
        """Leave nothing open."""
        ...


class Cached(Generic[T]):
    """What is kept, declared once: its name, `<module>.<noun>`, its type, and for how many seconds, a tenth about.

    The name is also the tag of all its values, and `at(key)` of one. Where values are shared, code that knows the type
    in another form, before a deployment and after it, has values of its own.
    """

    def __init__(self, name: str, kind: type[T], *, ttl: float) -> None:
        self.name = name
        self.ttl = ttl
        self.form = blake2b(msgspec.json.encode(msgspec.json.schema(kind)), digest_size=4).hexdigest()
        self.decode = msgspec.msgpack.Decoder(kind).decode
        self.hits, self.joined, self.misses = (LOOKUPS.labels(name, how) for how in ("hit", "joined", "miss"))
        self.made, self.failed = (MADE.labels(name, how) for how in ("made", "failed"))

    def at(self, key: str) -> str:
        """The tag of the value with this key."""
        return f"{self.name}:{key}"


class Underway:
    """A value that is being computed, and what becomes of that."""

    __slots__ = ("body", "error", "over", "tags")

    def __init__(self, tags: Collection[str]) -> None:
        self.tags = tags
        self.over = asyncio.Event()
        self.body: bytes | None = None
        self.error: Exception | None = None


class Cache:
    """One of a process. Without `changes` it keeps nothing, for it could not know when to let go."""

    def __init__(self, settings: Settings, changes: Changes | None) -> None:
        is_kept = settings.cache.url is not None or settings.cache.value_bytes > 0
        self._changes = changes = changes if is_kept else None
        self._store = _store_of(settings)
        self._underway: dict[str, Underway] = {}
        self._told_at = float("-inf")  # when this process itself last committed that something be forgotten
        self._warned = Seldom(log, "values are computed, for it is not known what has changed")
        if changes is not None:
            changes.follower = self

    async def get(
        self, cached: Cached[T], key: str, make: Callable[[], Awaitable[T]], *, tags: Collection[str] = ()
    ) -> T:
        """The value with this key, a copy of one's own; `make` computes it where it is not kept.

        All who ask meanwhile wait for that, and are told alike if it fails; nothing is kept then. If who computes it
        is cancelled, one of them computes it in its stead. `make` must not read by a unit of work: others would be
        shown what is rolled back. A key has the same tags whenever it is asked for.
        """
        tags = (EVERYTHING, cached.name, cached.at(key), *tags)
        whole = f"{cached.form}:{cached.at(key)}"
        if (read := TABLES_READ.get()) is not None:
            read.add(cached.name)  # which is no table: an answer that is kept by its tables would hear of no tag
        while True:
            if (body := await self._kept(whole, tags)) is not None:
                cached.hits.inc()
                return cached.decode(body)
            if (underway := self._underway.get(whole)) is None:
                cached.misses.inc()
                return await self._computed(cached, whole, tags, make)
            await underway.over.wait()
            if underway.error is not None:
                raise underway.error
            if underway.body is not None:
                cached.joined.inc()
                return cached.decode(underway.body)

    async def _kept(self, whole: str, tags: Collection[str]) -> bytes | None:
        """As the store has it; nothing where it cannot be known whether that is still true."""
        changes = self._changes
        if changes is None:
            return None
        since = max(monotonic() - BOUND, self._told_at)
        if changes.checked_at < since:
            try:
                await changes.check(since)
            except (AppError, *UNREACHABLE) as error:
                self._warned.warn(error)
                return None
        return await self._store.read(whole, tags)

    async def _computed(
        self, cached: Cached[T], whole: str, tags: Collection[str], make: Callable[[], Awaitable[T]]
    ) -> T:
        underway = self._underway[whole] = Underway(tags)
        try:
            async with self._store.turn(whole, tags) as (found, keep):
                body = await _made(cached, make) if found is None else found
                value = cached.decode(body)
                if found is None and self._underway.get(whole) is underway:  # else it is out of date by now
                    await keep(body, cached.ttl * uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret
            underway.body = body
        except Exception as error:
            cached.failed.inc()
            underway.error = error
            raise
        finally:
            if self._underway.get(whole) is underway:
                del self._underway[whole]
            underway.over.set()
        return value

    async def forget(self, work: UnitOfWork, *tags: str) -> None:
        """Have no value with one of these tags read any more, once this transaction is committed."""
        await work.fetch(MARK, (tags,))
        work.after_commit(self._tell)

    def _tell(self) -> None:
        self._told_at = monotonic()

    def hear(self, changed: list[str], *, missed: bool) -> None:
        """What is being computed of it will not be kept, and who comes from now on does not wait for that."""
        self._store.hear(changed, missed=missed)
        gone = {EVERYTHING} if missed else set(changed)
        for whole in [one for one, underway in self._underway.items() if not gone.isdisjoint(underway.tags)]:
            del self._underway[whole]

    async def has_let_go(self) -> bool:
        """Whether nothing is kept of what was changed before this call. Raises what a read raises."""
        if self._changes is not None:
            await self._changes.check(monotonic())
        return await self._store.has_let_go()

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Look now and then, though nobody asks; close, at the end, what was opened."""
        ending = asyncio.Event()
        warn = partial(log.warning, "it is not known what has changed")
        looking = asyncio.create_task(rounds(self._look, asyncio.Event(), LOOKED_EVERY, ending, warn), name="cache")
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await self._store.close()

    async def _look(self) -> None:
        if self._changes is not None and self._store.must_look:
            await self._changes.check(monotonic() - LOOKED_EVERY)


async def _made(cached: Cached[T], make: Callable[[], Awaitable[T]]) -> bytes:
    body = encode(await make())
    cached.made.inc()
    return body


def _store_of(settings: Settings) -> Store:
    url = settings.cache.url
    if url is None:
        return Memory(settings.cache.value_bytes)
    from app.platform.cache.valkey import Valkey  # noqa: PLC0415 - its client is of use to few, and slow to import

    return Valkey(url.get_secret_value())
