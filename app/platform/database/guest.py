"""The ORM's session as a guest in somebody else's transaction."""

from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only


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
