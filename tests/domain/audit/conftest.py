"""A way to have the trail sealed as the job does it, and another to see whether it is what was sealed."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest
from litestar import Litestar

from app.domain.audit.jobs import seal_entries
from app.domain.audit.sealing import PARTS
from app.domain.audit.verifying import Progress, faults
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.jobs.job_work import JobWork
from tests.conftest import Aside

AUDIT = "/api/v1/audit"
UNSEALED = "SELECT EXISTS (SELECT FROM {part} WHERE (xid, position) > ($1, $2) AND position > $3)"
GROUPS = "INSERT INTO accounts_group (name) SELECT 'group ' || n FROM generate_series($1::int, $2::int) AS n"
Look = Callable[..., Awaitable[tuple[list[str], Progress]]]
Seal = Callable[..., Awaitable[None]]


def job_work(app: Litestar, database: Database) -> JobWork:
    return JobWork(database, app.state.resources, Viewer(), lambda *_: None)


@pytest.fixture
async def raw(app: Litestar, aside: Aside) -> asyncpg.Connection:
    """A connection of nobody's: raw SQL."""
    return await aside.connection()


@pytest.fixture
def seal(app: Litestar, database: Database, raw: asyncpg.Connection) -> Seal:
    """Have everything sealed. Transactions of tests beside this one hold it up: those of all databases have numbers."""

    async def once() -> None:
        work = job_work(app, database)
        await work.run(partial(seal_entries.handler, work))

    async def is_left() -> bool:
        if await raw.fetchval("SELECT EXISTS (SELECT FROM audit_journal)"):
            return True
        rows = await raw.fetch(PARTS)
        return any([await raw.fetchval(UNSEALED.format(part=name), *end) for name, *end in rows])

    async def seal(*, wholly: bool = True) -> None:
        await once()
        async with asyncio.timeout(30):
            while wholly and await is_left():
                await asyncio.sleep(0.05)
                await once()

    return seal


@pytest.fixture
def verified(app: Litestar, raw: asyncpg.Connection) -> Look:
    """What is wrong with the trail, and how much was looked at."""

    async def verify(noted: str | None = None) -> tuple[list[str], Progress]:
        progress = Progress()
        opened = await app.state.resources.sealing.seal()
        return [fault async for fault in faults(raw, opened, progress, noted)], progress

    return verify


@pytest.fixture
def recorded(raw: asyncpg.Connection) -> Callable[..., Awaitable[list[tuple[Any, ...]]]]:
    """Columns of all entries, in their order."""

    async def look(columns: str = "relation, operation, key") -> list[tuple[Any, ...]]:
        rows = await raw.fetch(f"SELECT {columns} FROM audit_trail ORDER BY position")
        return [tuple(row) for row in rows]

    return look


async def forge(raw: asyncpg.Connection, *statements: str) -> None:
    """Change what nobody can change, as somebody does who owns the whole server."""
    async with raw.transaction():
        await raw.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await raw.execute(statement)
