"""What the admin's pages read by: an ORM session on a read-only slot, in a transaction that never writes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from adminsite.database import AsyncSessionAdapter, Database, SessionAdapter

from app.platform.database.pools import Database as Pools
from app.platform.database.work import UnitOfWork


class Reading(UnitOfWork):
    """A transaction that nobody runs: whoever began it ends it."""

    __slots__ = ()

    async def end(self, error: BaseException | None) -> None:
        """Leave the slot to others. `error`: why, where it is a failure."""
        await self._rollback(error or Exception("there is nothing to commit"))


class ReadSession(AsyncSessionAdapter):
    """adminsite's session over ours, a guest: its commit is nothing, for what it saves goes through a unit of work."""

    async def _commit(self) -> None:
        """Nothing was written here."""

    async def _rollback(self) -> None:
        """The slot's own end rolls it back."""


class ReadSessions(Database):
    """Hands out sessions on the pool for reading; PostgreSQL itself refuses a write on them."""

    is_async = True
    engine = None  # it has no engine of its own, but slots

    def __init__(self, database: Pools) -> None:
        """Not by adminsite's own, which would have an engine."""
        self._database = database

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[SessionAdapter]:
        """A session for as long as the block lasts."""
        work = Reading(self._database.read)
        try:
            yield ReadSession(work.session)
        except BaseException as error:
            await work.end(error)
            raise
        await work.end(None)

    def open(self) -> SessionAdapter:
        """Refused: a session that somebody forgets keeps its slot."""
        raise NotImplementedError("use `async with database.session()`")
