"""The connection that migrates: the only one of its database, patient with statements, impatient with locks."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg

from app.platform.revisions import MigrationError

MINIMUM_POSTGRES = 18  # the first that has uuidv7()
CONNECT_SECONDS = 10
POLL_SECONDS = 0.1
WATCH_SECONDS = 0.5
TURN = int.from_bytes(b"litehous")  # the advisory lock's key
SETTINGS = {
    "application_name": "litehouse migrations",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",  # it would compile the large catalogue queries, which takes longer than to run them
    "lock_timeout": "3s",  # for what runs outside a revision; each revision sets its own
    "statement_timeout": "0",
    "timezone": "UTC",
}
UNREACHABLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


@asynccontextmanager
async def connection(url: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection for migrations. Raises MigrationError when it cannot be had, or PostgreSQL is too old."""
    raw = await _connect(url)
    try:
        if raw.get_server_version().major < MINIMUM_POSTGRES:
            message = (
                f"PostgreSQL {raw.get_server_version().major} is too old: the keys of all tables are made by "
                f"uuidv7(), which PostgreSQL {MINIMUM_POSTGRES} is the first to have"
            )
            raise MigrationError(message)
        yield raw
    finally:
        with suppress(*UNREACHABLE):
            # Closed in order, so that a statement which was left half-way ends now and gives up its locks.
            await raw.close(timeout=2)


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url, server_settings=SETTINGS, timeout=CONNECT_SECONDS)
    except UNREACHABLE as error:
        message = f"the database cannot be reached: {str(error) or type(error).__name__}"
        raise MigrationError(message) from error


async def take_turn(raw: asyncpg.Connection, tell: Callable[[str], object]) -> None:
    """Wait until no other process migrates the database; the turn ends with the connection, however that ends.

    It polls: whoever waits inside pg_advisory_lock has a snapshot, which CREATE INDEX CONCURRENTLY in the other process
    waits for in its turn: a deadlock.
    """
    waits = False
    while not await raw.fetchval("SELECT pg_try_advisory_lock($1)", TURN):
        if not waits:
            tell("another process is migrating this database: waiting until it is done")
        waits = True
        await asyncio.sleep(POLL_SECONDS)


BLOCKERS = """
    SELECT lock.mode, coalesce(lock.relation::regclass::text, lock.locktype) AS target,
           holder.pid, holder.application_name, holder.state,
           date_trunc('second', now() - holder.xact_start) AS age, left(holder.query, 200) AS query
    FROM pg_locks AS lock, unnest(pg_blocking_pids(lock.pid)) AS blocking
    JOIN pg_stat_activity AS holder ON holder.pid = blocking
    WHERE lock.pid = $1 AND NOT lock.granted
"""


@asynccontextmanager
async def watched(raw: asyncpg.Connection, url: str) -> AsyncGenerator[list[str]]:
    """A list that says, as the connection waits for a lock, for which one and who holds it: the last wait's entries.

    After PostgreSQL has given up waiting, nobody can tell any more.
    """
    waits: list[str] = []
    watcher = asyncio.create_task(_watch(raw.get_server_pid(), url, waits), name="lock watcher")
    try:
        yield waits
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _watch(pid: int, url: str, waits: list[str]) -> None:
    await asyncio.sleep(WATCH_SECONDS)  # most migrations are done by then, and need no second connection
    with suppress(*UNREACHABLE, MigrationError):
        async with connection(url) as raw:
            while True:
                if blockers := await raw.fetch(BLOCKERS, pid):
                    waits[:] = [_sentence(blocker) for blocker in blockers]
                await asyncio.sleep(WATCH_SECONDS)


def _sentence(blocker: asyncpg.Record) -> str:
    return (
        f"it waited for {blocker['mode']} on {blocker['target']}, held by process {blocker['pid']} "
        f"({blocker['application_name'] or 'unnamed'}, {blocker['state']}, in a transaction for {blocker['age']}): "
        f"{' '.join(blocker['query'].split())}"
    )
