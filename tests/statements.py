"""Every statement that the process sends, the ORM's and the compiled ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import asyncpg
import pytest
from sqlalchemy import Engine, event

from app.platform.database import pools
from app.platform.database.slots import Slot


class Counter:
    """What has been sent so far."""

    def __init__(self) -> None:
        self.statements: list[str] = []


@contextmanager
def counting() -> Iterator[Counter]:
    counter = Counter()

    fetch_uncounted = Slot.fetch

    class Counted(asyncpg.Connection):
        async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
            if query != "SELECT 1":  # the pool's own question to a connection that was idle for long
                # For whom it is, and by which request, is told with it.
                counter.statements.append("BEGIN" if query.startswith("BEGIN TRANSACTION; SET") else query)
            return await super().execute(query, *args, timeout=timeout)

    async def fetch(slot: Slot, sql: str, parameters: Sequence[object]) -> list[asyncpg.Record]:
        counter.statements.append(sql)
        return await fetch_uncounted(slot, sql, parameters)

    async def connect(*args: object, **options: object) -> asyncpg.Connection:
        return await asyncpg.connect(*args, connection_class=Counted, **options)

    @event.listens_for(Engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counter.statements.append(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "connect", connect)
        patch.setattr(Slot, "fetch", fetch)
        yield counter
    event.remove(Engine, "before_cursor_execute", count)
