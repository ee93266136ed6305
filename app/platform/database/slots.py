"""A pool of slots: PostgreSQL connections, each with the SQLAlchemy connection that wraps it, lent in one step."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any

import asyncpg
import structlog
from asyncpg.prepared_stmt import PreparedStatement
from prometheus_client import Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncConnection

from app.kit.errors import Busy
from app.platform.database.slow import SlowStatements
from app.platform.observability.metrics import Spread

log = structlog.get_logger()

SLOTS = Gauge("database_slots", "Slots of a pool, by state", ["pool", "state"], multiprocess_mode="livesum")
# 0.1 and 1 are the thresholds in config/deploy/alerts.yml: only of a bound does a histogram know what lies above it.
SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAIT = Histogram(
    "database_slot_wait_seconds",
    "How long who found no idle slot waited, in vain too",
    ["pool"],
    buckets=SECONDS,
)

UNREACHABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
# A table or a type was changed under a statement, or it is gone: whoever asks again has a new one.
UNPREPARED = (
    asyncpg.FeatureNotSupportedError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
CLOSE_TIMEOUT = 2.0  # seconds a connection has to say good-bye before its socket is dropped


class Slot:
    """One physical connection: `raw` runs compiled statements, `sa` lets an ORM session join in as a guest."""

    __slots__ = ("_prepared", "_slow", "born", "had_guest", "raw", "returned", "sa")

    def __init__(self, raw: asyncpg.Connection, sa: AsyncConnection, slow: SlowStatements) -> None:
        self.raw = raw
        self.sa = sa
        self._slow = slow
        self._prepared: dict[str, PreparedStatement] = {}  # as many as the house has: it writes them itself
        self.had_guest = False
        self.born = self.returned = monotonic()

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        """The statement's rows, by a statement that this connection prepares once."""
        begun = perf_counter()
        try:
            statement = self._prepared.get(sql) or await self._prepare(sql)
            return await statement.fetch(*parameters)
        except UNPREPARED:
            self._prepared.pop(sql, None)
            raise
        finally:
            seconds = perf_counter() - begun
            if seconds > self._slow.threshold:
                self._slow.note(sql, seconds)

    async def _prepare(self, sql: str) -> PreparedStatement:
        statement = self._prepared[sql] = await self.raw.prepare(sql)
        return statement

    def is_sound(self) -> bool:
        """Whether the connection lives and is outside any transaction."""
        return not (self.raw.is_closed() or self.raw.is_in_transaction() or (self.had_guest and not self.is_whole()))

    def is_whole(self) -> bool:
        """Whether SQLAlchemy still wraps this connection.

        After a cancelled statement it reconnects silently, to one that no transaction of ours is on.
        """
        sync = self.sa.sync_connection
        return sync is not None and not sync.invalidated and sync.connection.driver_connection is self.raw

    async def close(self) -> None:
        """Say good-bye, or hang up when the server does not answer: a statement still running would keep its locks."""
        try:
            await self.raw.close(timeout=CLOSE_TIMEOUT)
        except (*UNREACHABLE, TimeoutError):
            self.raw.terminate()
        await self.sa.close()


@dataclass(frozen=True)
class Limits:
    """How a pool lends: at most `size` slots; seconds for the wait, for a slot's life and for an unasked idle one."""

    size: int
    timeout: float
    max_age: float
    idle_check: float


class SlotPool:
    """Lends slots first come, first served; several are taken in one step, so that no two wait crosswise."""

    def __init__(self, name: str, limits: Limits, connect: Callable[[], Awaitable[Slot]]) -> None:
        self.name = name
        self.limits = limits
        self._connect = connect
        self._waits = Spread(WAIT.labels(name), SECONDS)
        self._free = limits.size  # permits: slots that may be lent, whether their connection is open or not
        self._idle: list[Slot] = []
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = False

    def take(self) -> Slot | None:
        """A fresh idle slot if one can be had without waiting, else None: the fast path of `acquire`."""
        if self._free <= 0 or self._waiters:
            return None
        slot = self._fresh()
        if slot is not None:
            self._free -= 1
        return slot

    async def acquire(self) -> Slot:
        """One slot. Raises Busy when none is free, or the database cannot be reached, within the time-out."""
        return (await self.acquire_many(1))[0]

    async def acquire_many(self, count: int) -> list[Slot]:
        """`count` slots in one step. Raises Busy like `acquire`, ValueError when the pool can never lend so many."""
        if count > self.limits.size:
            message = f"{count} slots asked of the {self.name} pool, which has {self.limits.size}"
            raise ValueError(message)
        if self._closed:
            raise Busy("the database is shut down", retry_after=2)
        begun = monotonic()
        try:
            try:
                await self._permit(count)
            finally:
                self._waits.add(monotonic() - begun)
            return await self._open(count, begun + self.limits.timeout)
        except TimeoutError as error:
            log.warning("no slot in time", pool=self.name, **self.gauges())
            message = f"no database connection was free within {self.limits.timeout:g} s"
            raise Busy(message, retry_after=1) from error
        except UNREACHABLE as error:
            log.warning("database unreachable", pool=self.name, reason=str(error))
            raise Busy("the database cannot be reached", retry_after=2) from error

    def release(self, slot: Slot) -> None:
        """Take a slot back. One that is not sound, or is too old, is closed and its place is given on afterwards."""
        slot.returned = monotonic()
        if self._closed or not slot.is_sound() or slot.returned - slot.born > self.limits.max_age:
            self._retire(slot)
            return
        self._idle.append(slot)
        self._readmit(1)

    def discard(self, slot: Slot) -> None:
        """Close a slot whose state nobody knows: after a cancellation, its statement may still run and hold locks."""
        self._retire(slot)

    async def close(self) -> None:
        """Close every idle slot and wait for those that are being closed; lent ones are closed as they come back."""
        self._closed = True
        self._free -= len(self._idle)
        while self._idle:
            self._retire(self._idle.pop())
        if self._retiring:
            await asyncio.wait(self._retiring)

    def gauges(self) -> dict[str, int]:
        """Numbers of slots: `size`, `idle`, `in_use`, and requests `waiting`."""
        in_use = self.limits.size - self._free
        return {"size": self.limits.size, "idle": len(self._idle), "in_use": in_use, "waiting": len(self._waiters)}

    async def _permit(self, count: int) -> None:
        """Wait for one's turn. Under load every request comes here, so it costs one future and one timer, no more."""
        if not self._waiters and self._free >= count:
            self._free -= count
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiters.append((count, turn))
        timer = loop.call_later(self.limits.timeout, _expire, turn)
        try:
            await turn
        except BaseException:
            if (count, turn) in self._waiters:
                self._waiters.remove((count, turn))
                self._readmit(0)  # whoever stood behind may now fit
            elif turn.done() and not turn.cancelled() and not turn.exception():  # admitted while giving up
                self._readmit(count)
            raise
        finally:
            timer.cancel()

    def _readmit(self, count: int) -> None:
        self._free += count
        while self._waiters and self._waiters[0][0] <= self._free:
            wanted, turn = self._waiters.popleft()
            if not turn.done():
                self._free -= wanted
                turn.set_result(None)

    async def _open(self, count: int, deadline: float) -> list[Slot]:
        """As many slots as are permitted: idle ones as far as they are fresh, others asked or made."""
        slots: list[Slot] = []
        try:
            while len(slots) < count:
                slot = self._fresh()
                if slot is None:
                    async with asyncio.timeout(deadline - monotonic()):
                        slot = await self._next()
                slots.append(slot)
        except BaseException:
            self._idle.extend(slots)
            self._readmit(count)
            raise
        return slots

    def _fresh(self) -> Slot | None:
        """The slot last returned, if it may be lent without a question."""
        if not self._idle:
            return None
        slot = self._idle[-1]
        now = monotonic()
        if (
            now - slot.returned > self.limits.idle_check
            or now - slot.born > self.limits.max_age
            or slot.raw.is_closed()
        ):
            return None
        return self._idle.pop()

    async def _next(self) -> Slot:
        """An idle slot that still lives, or a new one."""
        while self._idle:
            slot = self._idle.pop()
            try:
                now = monotonic()
                if now - slot.born < self.limits.max_age and slot.is_sound() and await self._answers(slot, now):
                    return slot
                await slot.close()
            except BaseException:  # whoever asked gave up: nobody else knows of this slot any more
                slot.raw.terminate()
                raise
        if self._closed:
            raise Busy("the database is shut down", retry_after=2)
        return await self._connect()

    async def _answers(self, slot: Slot, now: float) -> bool:
        if now - slot.returned <= self.limits.idle_check:
            return True
        try:
            await slot.raw.execute("SELECT 1", timeout=CLOSE_TIMEOUT / 2)
        except (*UNREACHABLE, TimeoutError):
            return False
        return True

    def _retire(self, slot: Slot) -> None:
        task = asyncio.get_running_loop().create_task(slot.close(), name=f"retire {self.name} slot")
        self._retiring.add(task)
        task.add_done_callback(self._retired)

    def _retired(self, task: asyncio.Task[None]) -> None:
        self._retiring.discard(task)
        self._readmit(1)

    def observe(self) -> None:
        """Write the figures of the pool, once a second: several workers share one page of them."""
        self._waits.publish()
        for state, number in self.gauges().items():
            SLOTS.labels(self.name, state).set(number)


def _expire(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
