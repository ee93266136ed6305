"""The unit of work and the reader: the two things through which a handler, a job or a command meets the database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.kit.errors import Busy
from app.kit.event import Event
from app.kit.identity import ANONYMOUS, Viewer
from app.platform.database.caller import beginning
from app.platform.database.guest import guest_of
from app.platform.database.model import Base, Repository
from app.platform.database.refusals import is_connection_lost, is_replayable
from app.platform.database.slots import Slot, SlotPool
from app.platform.events.outbox import record
from app.platform.jobs.declaration import Call, Group
from app.platform.jobs.queue import enqueue, enqueue_all

log = structlog.get_logger()

T = TypeVar("T")
RepositoryT = TypeVar("RepositoryT", bound=Repository[Any])

REPLAYS = 3  # how often a unit of work is run again after a deadlock or a serialization failure


class Source(Protocol):
    """Where a compiled statement may run: a reader, a unit of work, a slot."""

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        """The statement's rows."""
        ...


class CommitError(Exception):
    """PostgreSQL answered COMMIT with ROLLBACK: an error inside the transaction was swallowed on the way."""


class Reader:
    """Statements on read-only slots, each on its own: no session, no BEGIN, a slot held for one statement only."""

    __slots__ = ("_pool", "viewer")

    def __init__(self, pool: SlotPool, viewer: Viewer = ANONYMOUS) -> None:
        self._pool = pool
        self.viewer = viewer

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        """The statement's rows. Slots whose backend died while idle are passed over: a read may be repeated."""
        for _ in range(self._pool.limits.size):
            try:
                return await self._fetch(sql, parameters)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                if not (is_connection_lost(error) or is_replayable(error)):
                    raise
        return await self._fetch(sql, parameters)

    async def together(self, *reads: Callable[[Source], Awaitable[Any]]) -> list[Any]:
        """Run several reads side by side, on slots taken in one step; the first failure cancels the others."""
        slots = await self._pool.acquire_many(len(reads))
        task = asyncio.current_task()
        asked = task.cancelling() if task else 0
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_ended(read, slot)) for read, slot in zip(reads, slots, strict=True)]
        except BaseException as failure:
            for slot in slots:
                self._pool.discard(slot)  # a read that was cancelled may still be running
            if not isinstance(failure, BaseExceptionGroup):
                raise
            while task and task.cancelling() > asked:
                task.uncancel()  # the group asked for that itself, and before Python 3.13 leaves it standing
            raise failure.exceptions[0] from failure
        for slot in slots:
            self._pool.release(slot)
        return [task.result() for task in tasks]

    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        slot = self._pool.take() or await self._pool.acquire()
        try:
            rows = await slot.fetch(sql, parameters)
        except Exception:
            self._pool.release(slot)
            raise
        except BaseException:
            self._pool.discard(slot)
            raise
        self._pool.release(slot)
        return rows


async def _ended(read: Callable[[Source], Awaitable[T]], source: Source) -> T:
    return await read(source)


class UnitOfWork:
    """One transaction, lazy: no slot and no BEGIN before its first use, and a single owner, `run`, that ends it."""

    __slots__ = ("_afterwards", "_events", "_pool", "_repositories", "_session", "_slot", "_told", "viewer")

    def __init__(self, pool: SlotPool, viewer: Viewer = ANONYMOUS, *told: Callable[[], None] | None) -> None:
        """`told`: what is called after a commit that brought events, and after one that brought jobs."""
        self.viewer = viewer
        self._pool = pool
        self._told = (*told, None, None)
        self._events: list[Event] = []
        self._slot: Slot | None = None
        self._session: AsyncSession | None = None
        self._repositories: dict[type[Repository[Any]], Repository[Any]] = {}
        self._afterwards: list[Callable[[], None]] = []

    async def run(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do it and commit; on any error roll back.

        A deadlock or a serialization failure, at COMMIT too, runs it all again, three times at most.
        Raises what `do` raises, or CommitError.
        """
        replays = 0
        while True:
            try:
                result = await do()
                await self._commit()
            except BaseException as error:
                self._afterwards = []
                await self._rollback(error)
                if not is_replayable(error) or replays == REPLAYS:
                    raise
                replays += 1
                log.info("unit of work replayed", replay=replays, reason=str(error))
            else:
                self._follow()
                return result

    def after_commit(self, do: Callable[[], None]) -> None:
        """Have this done once all is committed, and not at all otherwise; it must not wait. What it raises is logged.

        Between the commit and it, the process may end: what must not be lost is a row of this transaction.
        """
        self._afterwards.append(do)

    def _follow(self) -> None:
        afterwards, self._afterwards = self._afterwards, []
        for do in afterwards:
            try:
                do()
            except Exception:
                log.exception("what follows a commit failed")

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
        """Run a compiled statement inside the transaction; it sees what the session has not flushed yet, too."""
        return await (await self._settled()).fetch(sql, parameters)

    async def copy(self, model: type[Base], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert many rows by COPY, which no INSERT comes near; the statement time-out holds for the whole of it."""
        await (await self._settled()).raw.copy_records_to_table(model.__tablename__, records=rows, columns=columns)

    def publish(self, event: Event) -> None:
        """Have subscribers hear of it once this transaction is committed, and never if it is not."""
        if not self._events:
            self._tell(self._told[0])
        self._events.append(event)

    async def enqueue(self, call: Call | Group, *, due: datetime | None = None) -> UUID:
        """Have a job done, now or when it is due, once this transaction is committed, and never if it is not.

        Returns its id; that of the one which stands for it, where it is unique; of a group, that of the job after it.
        """
        self._tell(self._told[1])
        return await enqueue(self.fetch, call, due, self.viewer)

    async def enqueue_all(self, calls: Sequence[Call], *, due: datetime | None = None) -> None:
        """Have many jobs done, by one statement; those that are unique and wait already are not enqueued again."""
        if calls:
            self._tell(self._told[1])
            await enqueue_all(self.fetch, calls, due, self.viewer)

    def _tell(self, whom: Callable[[], None] | None) -> None:
        if whom is not None:
            self.after_commit(whom)

    @property
    def is_untouched(self) -> bool:
        """Whether there is nothing to commit: neither a statement was run, nor an event published."""
        return self._slot is None and self._session is None and not self._events

    @property
    def session(self) -> AsyncSession:
        """The ORM's session, a guest in this transaction; it joins at its first statement."""
        if self._session is None:
            self._session = guest_of(self)
        return self._session

    def repository(self, kind: type[RepositoryT]) -> RepositoryT:
        """The repository of this kind over this transaction's session."""
        made = self._repositories.get(kind)
        if not isinstance(made, kind):
            made = self._repositories[kind] = kind(self.session)
        return made

    async def _settled(self) -> Slot:
        slot = self._slot or await self._begin()
        if self._session is not None and (self._session.new or self._session.dirty or self._session.deleted):
            await self._session.flush()
        return slot

    async def join(self) -> Slot:
        """The slot that this transaction is on, for a guest of it. Raises when SQLAlchemy has left that connection."""
        slot = self._slot or await self._begin()
        slot.had_guest = True
        if not slot.is_whole():
            message = "the transaction's connection was lost under the session"
            raise asyncpg.ConnectionDoesNotExistError(message)
        return slot

    async def _begin(self) -> Slot:
        """A backend killed while idle shows only here: then the next slot is asked, and at last a new one."""
        for _ in range(self._pool.limits.size + 1):
            slot = self._pool.take() or await self._pool.acquire()
            try:
                await slot.raw.execute(beginning(self.viewer))
            except BaseException as error:
                self._pool.discard(slot)
                if isinstance(error, Exception) and is_connection_lost(error):
                    continue
                raise
            self._slot = slot
            return slot
        raise Busy("the database cannot be reached", retry_after=2)

    async def _commit(self) -> None:
        if self._session is not None:
            await self._session.flush()
        if self._events:
            await record(await self._settled(), self._events, self.viewer)
        if (slot := self._slot) is None:
            return
        tag = await slot.raw.execute("COMMIT")
        if tag != "COMMIT":
            message = f"COMMIT was answered by {tag}: an error inside the transaction was swallowed"
            raise CommitError(message)
        try:
            await self._leave()
        finally:
            self._pool.release(slot)

    async def _rollback(self, error: BaseException) -> None:
        """Leave nothing behind: after a cancellation or a lost connection the slot itself is thrown away."""
        slot = self._slot
        if slot is None or not isinstance(error, Exception) or is_connection_lost(error):
            self._forget()
            if slot is not None:
                self._pool.discard(slot)
            return
        try:
            await self._leave()
            if slot.raw.is_in_transaction():
                await slot.raw.execute("ROLLBACK")
        except BaseException:
            self._pool.discard(slot)
            raise
        self._pool.release(slot)

    async def _leave(self) -> None:
        session = self._session
        self._forget()
        if session is not None:
            await session.close()

    def _forget(self) -> None:
        self._slot = self._session = None
        self._repositories = {}
        self._events = []


class Service:
    """The verbs of a module, over one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self.work = work


class repository(Generic[RepositoryT]):  # noqa: N801 - reads as a declaration: `users = repository(UserRepository)`
    """A service's repository, built at first use: only then does an ORM session join the transaction."""

    def __init__(self, kind: type[RepositoryT]) -> None:
        self._kind = kind

    def __get__(self, service: Service, owner: type[Service]) -> RepositoryT:
        return service.work.repository(self._kind)
