"""The ORM's session as a guest in somebody else's transaction."""

from types import SimpleNamespace
from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

# Advanced Alchemy's repositories ask the session's bind for its dialect when they are made: no connection is there yet.
DIALECT_ALONE: Any = SimpleNamespace(dialect=asyncpg_dialect())


def guest_of(work: object) -> AsyncSession:
    """A session in this unit of work, which it joins at its first statement."""
    session = AsyncSession(sync_session_class=Guest, expire_on_commit=False, autoflush=False, info={"work": work})
    session.bind = DIALECT_ALONE
    return session


class Guest(Session):
    """A session inside somebody else's transaction: it begins it by use, and can neither commit nor roll it back."""

    def get_bind(self, *_: Any, **__: Any) -> Connection:
        """The connection of the unit of work, begun now if it was not."""
        slot = await_only(self.info["work"].join())
        return slot.sa.sync_connection

    def commit(self) -> None:
        """Refused: the unit of work commits, once, after the answer is made."""
        raise NotImplementedError("the unit of work commits; a session never does")

    def rollback(self) -> None:
        """Refused: raise an error and the unit of work rolls back, or use begin_nested() for a savepoint."""
        raise NotImplementedError("raise an error to roll the unit of work back; use begin_nested() for a part of it")
