"""The process's database: a write pool and a read-only pool, opened by use and closed with the process."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import asyncpg
import structlog
from asyncpg import connect
from msgspec import json
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.kit.errors import Busy
from app.kit.identity import ANONYMOUS, Viewer
from app.platform.database.slots import Limits, Slot, SlotPool
from app.platform.database.slow import SlowStatements
from app.platform.database.work import Reader, UnitOfWork
from config.settings import Settings

log = structlog.get_logger()

RESERVED = 10  # connections left to migrations, consoles and superusers
# A statement that was slow because it waited for a lock is not waited for once more.
EXPLAINING = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL lock_timeout = '100ms'"
CACHED_STATEMENTS = 500  # per connection; the house has far fewer, and an evicted one is planned anew at each use


class OversizedError(Exception):
    """The pools of all processes together want more connections than the server allows."""


class Database:
    """Two pools of slots. Nothing here waits for the server: a slot is opened when a request first asks for one."""

    def __init__(self, settings: Settings, on_oversized: Callable[[str], None], write_slots: int | None = None) -> None:
        """`write_slots`: of the pool for writing, where that is to be of another size than the settings say."""
        if settings.database.url is None:
            message = "DATABASE_URL is unset: join the embedded server first, as the command line does"
            raise RuntimeError(message)
        self.url = settings.database.url.get_secret_value()
        self._settings = settings
        self._on_oversized = on_oversized
        self.on_published: Callable[[], None] | None = None  # called after each commit that brought events
        self.on_enqueued: Callable[[], None] | None = None  # … and that brought jobs
        self._checked = False
        self._slow = SlowStatements(settings.logging.slow_query_ms / 1000, self.explain)
        self.write = self._pool("write", write_slots or settings.database.write_pool_size, read_only=False)
        self.read = self._pool("read", settings.database.read_pool_size, read_only=True)

    def reader(self, viewer: Viewer = ANONYMOUS) -> Reader:
        """What a read is given: statements on read-only slots."""
        return Reader(self.read, viewer)

    def unit_of_work(self, viewer: Viewer = ANONYMOUS) -> UnitOfWork:
        """What a write is given: one transaction, begun at its first use."""
        return UnitOfWork(self.write, viewer, self.on_published, self.on_enqueued)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Sample the gauges while the process lives, then close what is open."""
        sampler = asyncio.create_task(self._sample(), name="database gauges")
        try:
            yield
        finally:
            sampler.cancel()
            with suppress(asyncio.CancelledError):
                await sampler
            await self._slow.settle()
            await self.read.close()
            await self.write.close()

    async def connect_aside(self, name: str) -> asyncpg.Connection:
        """A connection outside the pools, for one that listens; whoever asks for it closes it."""
        return await connect(
            self.url, server_settings={"application_name": name}, timeout=self._settings.database.pool_timeout
        )

    async def explain(self, sql: str) -> list[str]:
        """The plan for any parameters, on a read-only slot, where even an INSERT is planned and not run.

        EXPLAIN (GENERIC_PLAN) would plan for the NULL that has to be bound to each parameter. Not by the slot's own
        `fetch`: where all is slow, that would have this statement explained as well, and then the one that does it.
        """
        values = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", sql))))
        slot = await self.read.acquire()
        try:
            async with slot.raw.transaction():
                await slot.raw.execute(f"{EXPLAINING}; PREPARE explained AS {sql}")
                rows = await slot.raw.fetch(f"EXPLAIN EXECUTE explained{f'({values})' if values else ''}")
                await slot.raw.execute("DEALLOCATE explained")
        except BaseException:
            self.read.discard(slot)
            raise
        self.read.release(slot)
        return [row[0] for row in rows]

    async def _sample(self) -> None:
        while True:
            self.read.observe()
            self.write.observe()
            await asyncio.sleep(1)

    def _pool(self, name: str, size: int, *, read_only: bool) -> SlotPool:
        limits = self._settings.database
        parameters = {
            "application_name": f"litehouse {name}",
            "default_transaction_read_only": "on" if read_only else "off",
            "idle_in_transaction_session_timeout": "60s",
            "jit": "off",
            "lock_timeout": f"{limits.lock_timeout * 1000:.0f}ms",
            "statement_timeout": f"{limits.statement_timeout * 1000:.0f}ms",
            "timezone": "UTC",
        }
        # AUTOCOMMIT: the unit of work says BEGIN and COMMIT; NullPool: the slots' pool is the only one.
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(self._connection, parameters),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            pool_reset_on_return=None,
            json_deserializer=json.decode,  # for the codec that SQLAlchemy sets on its connections
            hide_parameters=True,  # a failed INSERT would tell the log what it was to insert: a password's hash, say
        )
        self._slow.watch(engine)
        connect = partial(self._slot, engine)
        return SlotPool(name, Limits(size, limits.pool_timeout, limits.connection_max_age, limits.idle_check), connect)

    async def _slot(self, engine: AsyncEngine) -> Slot:
        wrapper = await engine.connect()
        raw: Any = (await wrapper.get_raw_connection()).driver_connection
        slot = Slot(raw, wrapper, self._slow)
        if not self._checked:
            try:
                await self._check_arithmetic(raw)
            except BaseException:
                await slot.close()
                raise
        return slot

    async def _connection(self, parameters: dict[str, str], *_: object, **__: object) -> asyncpg.Connection:
        return await connect(
            self.url,
            server_settings=parameters,
            statement_cache_size=CACHED_STATEMENTS,
            max_cached_statement_lifetime=0,
            timeout=self._settings.database.pool_timeout,
        )

    async def _check_arithmetic(self, connection: asyncpg.Connection) -> None:
        allowed = int(await connection.fetchval("SHOW max_connections"))
        limits, workers = self._settings.database, self._settings.server.workers
        # One process more delivers events and does jobs: it has pools as well, and a connection that listens.
        write, read, jobs = limits.write_pool_size, limits.read_pool_size, self._settings.worker_write_slots
        wanted = workers * (write + read) + jobs + read + 1
        if wanted > allowed - RESERVED:
            message = (
                f"LITEHOUSE_WORKERS={workers} x (LITEHOUSE_WRITE_POOL_SIZE={write} + LITEHOUSE_READ_POOL_SIZE={read}) "
                f"+ {jobs} for LITEHOUSE_WORKER_JOBS + {read} + 1 that listens = {wanted} connections, but "
                f"max_connections={allowed} - {RESERVED} reserved = {allowed - RESERVED}: "
                "lower the pools or raise max_connections"
            )
            self._on_oversized(message)
            raise Busy("the pools are larger than the server allows", retry_after=5) from OversizedError(message)
        self._checked = True
