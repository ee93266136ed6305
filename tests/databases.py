"""Databases on the tests' PostgreSQL: how they are cloned, and made as good as new for the next test."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakKeyDictionary

import asyncpg

from app.platform import migrations
from app.platform.database.model import Base
from app.platform.migration_writing import metadata
from app.platform.postgres.sharing import share

ROOT = Path(__file__).resolve().parents[1]

# Whoever is left of the test before would hold its locks, or write once more. Waits for each to be gone, in ms.
END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# As template1 has it.
NEW_SCHEMA = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC
"""
# Each that is watched is marked as changed, for the triggers did not run.
MARK_ALL = """
INSERT INTO platform_change (relation) SELECT tgrelid FROM pg_trigger WHERE tgfoid = 'platform_changed'::regproc
ON CONFLICT DO NOTHING
"""

# As a replica: neither triggers nor foreign keys run, so that each table is emptied once and counted never.
EMPTYING = """
CREATE OR REPLACE FUNCTION pg_temp.emptied() RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica SET lock_timeout = '20s' AS $$ BEGIN {statements}; END $$
"""
EMPTIED: WeakKeyDictionary[asyncpg.Connection, list[str]] = WeakKeyDictionary()  # by that function of the connection


def at(server_url: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


@contextmanager
def durable(name: str) -> Iterator[str]:
    """The address of a migrated database of this name, made anew, on a PostgreSQL that waits for its disk.

    That one has a folder of its own: of those who share a server, the first says whether it waits.
    """
    with share(ROOT / ".data" / "durable") as server:
        drop, create = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'
        asyncio.run(_execute(server.url, drop, create))
        url = at(server.url, name)
        migrations.upgrade(url)
        yield url


async def make_template(server_url: str, name: str) -> None:
    """Make the migrated database that others are cloned from, or wait for who does."""
    admin = await asyncpg.connect(server_url)
    try:
        while not await admin.fetchval("SELECT pg_try_advisory_lock(7)"):
            await asyncio.sleep(0.05)  # another worker is making it
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await admin.execute('DROP DATABASE IF EXISTS "template_unfinished" WITH (FORCE)')
            await admin.execute('CREATE DATABASE "template_unfinished"')
            await asyncio.to_thread(migrations.upgrade, at(server_url, "template_unfinished"))
            await admin.execute(f'ALTER DATABASE "template_unfinished" RENAME TO "{name}"')
    finally:
        await admin.close()


@contextmanager
def cloned(server_url: str, template: str) -> Iterator[str]:
    """The address of a copy of the template, dropped at the end: together a third of a second of a processor."""
    name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
    asyncio.run(_execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log'))
    try:
        yield at(server_url, name)
    finally:
        asyncio.run(_execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def raze(url: str) -> None:
    """Leave nothing in a database, and nobody."""
    asyncio.run(_execute(url, END_OTHERS, NEW_SCHEMA))


def evacuate(url: str) -> None:
    """Leave a migrated database's schema, and neither rows nor anybody."""
    metadata()  # the tables are known once all models are imported

    async def clear() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(END_OTHERS)
            await empty(connection)
        finally:
            await connection.close()

    asyncio.run(clear())


async def empty(connection: asyncpg.Connection) -> None:
    """Delete every row of the tables that are known so far; a transaction that a test left open fails it, in time.

    By a function that is kept with the connection, for to plan so many statements takes longer than to run them.
    """
    tables = list(Base.metadata.tables)
    if EMPTIED.get(connection) != tables:
        deletions = "".join(f'IF EXISTS (SELECT FROM "{one}") THEN DELETE FROM "{one}"; END IF; ' for one in tables)
        await connection.execute(EMPTYING.format(statements=deletions + MARK_ALL))
        EMPTIED[connection] = tables
    await connection.execute("SELECT pg_temp.emptied()")


class Aside:
    """A connection beside the application's, kept from test to test: making one takes longer than most of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """It, or a new one after a test that ended all there were."""
        if self._kept is None or self._kept.is_closed():
            self._kept = await asyncpg.connect(self._url)
        return self._kept

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.close()
