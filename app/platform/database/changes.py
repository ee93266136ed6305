"""Which tables were changed by what was committed: asked of PostgreSQL, so that no writer can forget to tell it.

The trigger function `platform_changed` marks a table within the transaction that changes it, whoever runs that: the
API, a job, psql. A reader asks for the marks that became visible since it last asked. They carry their transaction and
are compared with snapshots, because transactions commit in another order than they begin. What a table's name cannot
tell has a mark of its own in `platform_cache_tag`, a text, which `app/platform/cache/cache.py` writes and heeds.

NOTIFY would tell it without being asked, but PostgreSQL lets one transaction with a NOTIFY commit at a time: sixteen
writers came to 25 % of their pace, and with marks to 90 %.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Protocol

import structlog
from sqlalchemy import BigInteger, Column, Table, Text, text
from sqlalchemy.dialects.postgresql import OID

from app.platform.database.model import Base
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork

log = structlog.get_logger()

KEPT_SECONDS = 30.0  # how long a mark stays at least; who has not asked for so long takes everything for changed
CLEARED_EVERY = KEPT_SECONDS + 5  # seconds

# The tables whose trigger fires for every event: INSERT, DELETE, UPDATE and TRUNCATE are bits 4 to 32 of its type.
MARKED = """
SELECT tgrelid::regclass::text FROM pg_trigger
WHERE tgfoid = 'platform_changed'::regproc AND tgenabled IN ('O', 'A') AND tgtype & 60 = 60
"""
# By the server's clock: ours stands still while the machine sleeps. Its start tells another server from the former.
CHANGED = """
SELECT pg_current_snapshot()::text, extract(epoch FROM clock_timestamp())::float8,
    pg_postmaster_start_time()::text, ARRAY(
    SELECT DISTINCT relation::regclass::text FROM platform_change
    WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint
    AND NOT pg_visible_in_snapshot(xid::text::xid8, $1::text::pg_snapshot)
), ARRAY(
    SELECT DISTINCT tag FROM platform_cache_tag
    WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint
    AND NOT pg_visible_in_snapshot(xid::text::xid8, $1::text::pg_snapshot)
)
"""
NOTHING_SEEN = "3:3:"  # the snapshot of a cluster in which no transaction has ended
PRESENT = "SELECT pg_current_snapshot()::text"
FORGET = """
WITH told AS (DELETE FROM platform_cache_tag WHERE pg_visible_in_snapshot(xid::text::xid8, $1::text::pg_snapshot))
DELETE FROM platform_change WHERE pg_visible_in_snapshot(xid::text::xid8, $1::text::pg_snapshot)
"""
MARK = "INSERT INTO platform_cache_tag (tag) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
EVERYTHING = "*"  # the tag of all that is kept

OWN_TRANSACTION = text("(pg_current_xact_id()::text)::bigint")
marks = Table(
    "platform_change",
    Base.metadata,
    Column("xid", BigInteger, primary_key=True, server_default=OWN_TRANSACTION),
    Column("relation", OID, primary_key=True),
)
# Two transactions that mark one tag do not meet on one row: neither waits for the other.
tags = Table(
    "platform_cache_tag",
    Base.metadata,
    Column("xid", BigInteger, primary_key=True, server_default=OWN_TRANSACTION),
    Column("tag", Text, primary_key=True),
)


class Follower(Protocol):
    """Who keeps what is made of what others may change."""

    def hear(self, changed: list[str], *, missed: bool) -> None:
        """These tables and tags were changed; `missed`: so may have been others, of which there are no marks left."""

    async def has_let_go(self) -> bool:
        """Whether nothing is kept any more, here or where it is kept for all, of what was changed before this call."""
        ...


class Changes:
    """What this process knows of them. `seen` is the number of the last check that found any."""

    def __init__(self, database: Database) -> None:
        self.seen = 0
        self.checked_at = float("-inf")  # when the last check began, by `monotonic`
        self.marked: frozenset[str] = frozenset()  # the tables whose changes are marked
        self.follower: Follower | None = None
        self._database = database
        self._snapshot = self._server = ""
        self._asked = 0.0
        self._all_changed = 0
        self._changed: dict[str, int] = {}
        self._checking: asyncio.Task[None] | None = None

    def none_since(self, seen: int, tables: Iterable[str]) -> bool:
        """Whether, as far as the last check knows, none of the tables was changed after the check of this number."""
        changed = self._changed
        return seen >= self._all_changed and all(changed.get(table, 0) <= seen for table in tables)

    async def check(self, since: float) -> None:
        """Know of everything that was committed before `since`, a time of `monotonic`; one question for all who ask.

        Raises what a read raises.
        """
        while self.checked_at < since:
            if self._checking is None or self._checking.done():
                self._checking = asyncio.create_task(self._check(), name="check of changes")
                self._checking.add_done_callback(_heard)
            await asyncio.shield(self._checking)  # one fails for all: each in its turn would wait for each before it

    async def _check(self) -> None:
        reader, began = self._database.reader(), monotonic()
        [(snapshot, asked, server, tables, tags)] = await reader.fetch(CHANGED, (self._snapshot or NOTHING_SEEN,))
        missed = server != self._server or asked - self._asked > KEPT_SECONDS
        if missed:
            self.marked = frozenset(row[0] for row in await reader.fetch(MARKED, ()))
            self._all_changed = self.seen + 1
        if tables or self._all_changed > self.seen:
            self.seen += 1
            self._changed.update(dict.fromkeys(tables, self.seen))
        if self.follower is not None:
            self.follower.hear([*tables, *tags], missed=missed)
        self._snapshot, self._asked, self._server, self.checked_at = snapshot, asked, server, began

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Clear old marks away while the process lives."""
        clearing = asyncio.create_task(self._clear(), name="old marks of changes")
        try:
            yield
        finally:
            clearing.cancel()
            with suppress(asyncio.CancelledError):
                await clearing

    async def _clear(self) -> None:
        """Those of transactions that had ended when it last came by: everybody who is not late has seen them.

        Where values are kept for all processes together, lateness forgives nothing: marks that were not heeded there
        give way to one that stands for all.
        """
        former = ""
        while True:
            await asyncio.sleep(CLEARED_EVERY)
            try:
                former = await self._forget(former)
            except Exception as error:  # noqa: BLE001 - the next time will do
                log.warning("old marks of changes were not cleared away", reason=str(error))

    async def _forget(self, former: str) -> str:
        is_heeded = self.follower is None or await self.follower.has_let_go()
        [(present,)] = await self._database.reader().fetch(PRESENT, ())
        if former:
            work = self._database.unit_of_work()
            await work.run(partial(self._replace, work, former, is_heeded=is_heeded))
        return present

    async def _replace(self, work: UnitOfWork, former: str, *, is_heeded: bool) -> None:
        await work.fetch(FORGET, (former,))
        if not is_heeded:
            await work.fetch(MARK, ([EVERYTHING],))


def _heard(task: asyncio.Task[None]) -> None:
    """Whoever asked may have gone: asyncio would complain of an error that nobody took."""
    if not task.cancelled():
        task.exception()
