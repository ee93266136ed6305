"""Parts that are too old go, sealed to the last entry; nobody who writes waits long for it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import Any

import asyncpg
import pytest
from litestar import Litestar

from app.domain.audit import pruning, verifying
from app.domain.audit.jobs import make_parts
from app.domain.audit.pruning import prune
from app.platform.database.pools import Database
from tests.domain.audit.conftest import GROUPS, Look, Seal, job_work

Prune = Callable[[date], Awaitable[str | None]]
PARTS = """
CREATE TABLE auditlog_2020m01 PARTITION OF audit_entry FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z');
CREATE TABLE auditpersonal_2020m01 PARTITION OF audit_personal FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')
"""
ENTRY = """
INSERT INTO audit_entry (xid, at, relation, key, operation, origin)
SELECT pg_current_xact_id()::text::bigint, $1::text::timestamptz, 'accounts_group', '', 'truncate', 'request'
"""
RESTS = """
SELECT relname::text FROM pg_class WHERE relispartition AND relkind = 'r' AND relname LIKE 'audit%rest%' ORDER BY 1
"""


@pytest.fixture
def pruned(app: Litestar, database: Database) -> Prune:
    """What is dropped of what ended before a day, as the job does it."""

    async def pruned(before: date) -> str | None:
        work = job_work(app, database)
        opened = await app.state.resources.sealing.seal()
        return await work.run(partial(prune, work, opened, before))

    return pruned


async def test_old_parts_go_and_the_rest_stays_verified(
    raw: asyncpg.Connection, seal: Seal, verified: Look, pruned: Prune
):
    await raw.execute(PARTS)
    await raw.execute(ENTRY, "2020-01-15Z")
    await raw.execute(GROUPS, 1, 2)
    assert await pruned(date(2021, 1, 1)) is None  # it is not sealed yet
    await seal()
    assert await pruned(date(2020, 1, 31)) is None
    assert await pruned(date(2021, 1, 1)) == "auditlog_2020m01"
    assert await pruned(date(2021, 1, 1)) is None
    found, progress = await verified()
    assert (found, progress.entries, progress.pruned) == ([], 2, 1)
    assert await raw.fetchval("SELECT to_regclass('auditpersonal_2020m01')") is None


async def test_a_part_that_goes_while_it_is_verified_is_not_missed(
    raw: asyncpg.Connection, seal: Seal, verified: Look, pruned: Prune, monkeypatch: pytest.MonkeyPatch
):
    await raw.execute(PARTS)
    await raw.execute(ENTRY, "2020-01-15Z")
    await seal()
    read = verifying._next

    async def read_and_prune(connection: asyncpg.Connection, number: int) -> verifying._Sealed | None:
        found = await read(connection, number)
        await pruned(date(2021, 1, 1))
        return found

    monkeypatch.setattr(verifying, "_next", read_and_prune)
    found, progress = await verified()
    assert (found, progress.pruned) == ([], 1)


async def test_what_somebody_is_still_writing_into_an_old_part_is_not_dropped_with_it(
    database_url: str, raw: asyncpg.Connection, seal: Seal, pruned: Prune, monkeypatch: pytest.MonkeyPatch
):
    await raw.execute(PARTS)
    await raw.execute(ENTRY, "2020-01-15Z")
    await seal()
    writer, drop = await asyncpg.connect(database_url), pruning._drop
    writing = writer.transaction()
    await writing.start()
    await writer.execute(ENTRY, "2020-01-16Z")

    async def committed_before(*given: Any) -> None:
        await writing.commit()
        await drop(*given)

    monkeypatch.setattr(pruning, "_drop", committed_before)
    try:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await pruned(date(2021, 1, 1))
        await writing.commit()
        assert await pruned(date(2021, 1, 1)) is None  # it is not sealed yet
    finally:
        await writer.close()
        monkeypatch.undo()
        await seal()
        await pruned(date(2021, 1, 1))


async def test_what_has_no_month_goes_when_all_of_it_is_old(
    raw: asyncpg.Connection, seal: Seal, verified: Look, pruned: Prune
):
    before = await raw.fetch(RESTS)
    await raw.execute(ENTRY, "2019-05-01Z")
    await seal()
    try:
        assert await pruned(date(2019, 5, 1)) is None
        assert await pruned(date(2019, 5, 2)) == before[0][0]
        await raw.execute(ENTRY, "2019-06-01Z")
        await seal()
        found, progress = await verified()
        assert (found, progress.entries, progress.pruned) == ([], 1, 1)
        [rest, personal] = [row[0] for row in await raw.fetch(RESTS)]
        assert personal == rest.replace("auditlog", "auditpersonal") != before[1][0]
        for statement in (f"DELETE FROM {rest}", f"TRUNCATE {rest}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await raw.execute(statement)
    finally:  # the tables' names are those of all tests
        for new, old in zip(await raw.fetch(RESTS), before, strict=True):
            await raw.execute(f"ALTER TABLE IF EXISTS {new[0]} RENAME TO {old[0]}x")
            await raw.execute(f"ALTER TABLE {old[0]}x RENAME TO {old[0]}")


async def test_writers_wait_for_neither_while_somebody_reads_the_whole_trail(
    app: Litestar,
    database: Database,
    database_url: str,
    raw: asyncpg.Connection,
    seal: Seal,
    pruned: Prune,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(pruning, "MONTHS_AHEAD", 4)
    await raw.execute(PARTS)
    await raw.execute(ENTRY, "2020-01-15Z")
    await seal()
    reader, work = await asyncpg.connect(database_url), job_work(app, database)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT FROM audit_entry")
            for attempt in (pruned(date(2021, 1, 1)), work.run(partial(make_parts.handler, work))):
                tried = asyncio.create_task(attempt)
                while not tried.done():
                    await raw.execute("UPDATE accounts_group SET name = name", timeout=1)
                    await raw.execute(GROUPS, 1, 1, timeout=1)
                    await raw.execute("DELETE FROM accounts_group", timeout=1)
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await tried
    finally:
        await reader.close()
        assert await pruned(date(2021, 1, 1)) == "auditlog_2020m01"
