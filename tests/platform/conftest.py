"""A database with one small table, pools of the size that a test asks for, and a copy of the migrations."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import MetaData

from app.platform import migration_writing, revisions
from app.platform.database.pools import Database
from app.platform.migration_writing import metadata
from config.modules import MODULES
from config.settings import load
from tests.conftest import taken_back
from tests.platform.migrations_copy import Copy

TABLES = """
    CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0));
    CREATE TABLE entry (id int, CONSTRAINT uq_entry_id UNIQUE (id) DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO account VALUES (1, 100), (2, 100);
"""


@pytest.fixture
def scratch_url(empty_database_url: str) -> str:
    asyncio.run(_prepare(empty_database_url))
    return empty_database_url


async def _prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(TABLES)
    await connection.close()


@pytest.fixture
async def pools(scratch_url: str) -> AsyncIterator[Callable[..., Awaitable[Database]]]:
    """Make a Database over the scratch tables; keyword arguments are settings without their prefix."""
    async with AsyncExitStack() as stack:

        async def make(on_oversized: Callable[[str], None] = pytest.fail, **given: object) -> Database:
            environ = {f"LITEHOUSE_{name.upper()}": str(value) for name, value in given.items()}
            environ |= {"DATABASE_URL": scratch_url, "LITEHOUSE_ENVIRONMENT": "test"}
            database = Database(load(env_file=None, environ=environ), on_oversized=on_oversized)
            await stack.enter_async_context(database.lifespan())
            return database

        yield make
        assert not taken_back(), "a cancellation was left standing"


@pytest.fixture
async def admin(scratch_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the pools, to look and to meddle."""
    connection = await asyncpg.connect(scratch_url)
    yield connection
    await connection.close()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The folders of migrations, to add to."""
    return Copy(tmp_path)


@pytest.fixture
def shop(monkeypatch) -> MetaData:
    """The tables of a new module, `shop`, which may refer to those of the others."""
    present = metadata()
    with_shop = MetaData(naming_convention=present.naming_convention)
    for table in present.sorted_tables:
        table.to_metadata(with_shop)
    for place in (migration_writing, revisions):
        monkeypatch.setattr(place, "MODULES", (*MODULES, "shop"))
    monkeypatch.setattr(migration_writing, "metadata", lambda: with_shop)
    return with_shop
