"""What it costs that every change is recorded: the same writes with the triggers and without, turn by turn, in one run.

    python -m tests.benchmarks.audit [--rows 100000] [--seconds 20]

A bulk insert of articles, as `just seed` does it, and sixteen writers at once, each publishing articles with their tags
or posting comments, a transaction each. PostgreSQL has its durable defaults, and a folder of its own. The turns are
short, so that whatever else the machine does costs both the same.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import uvloop

from app.domain.publishing.samples import samples
from app.domain.publishing.seeding import Seeder, Written, _numbered
from app.platform import migrations
from app.platform.database.pools import Database
from app.platform.postgres.sharing import share
from config.settings import Settings, load
from tests.databases import at

WRITERS, CHUNK, TURN = 16, 5_000, 1.0  # seconds of a turn
PROMISED = 1.15
TABLES = ("publishing_article", "publishing_tagging", "publishing_comment")
ARTICLE = """
WITH made AS (
    INSERT INTO publishing_article (slug, title, description, body, author_id) VALUES ($1, $1, 'what it is', $2, $3)
    RETURNING id
)
INSERT INTO publishing_tagging (article_id, tag, position)
SELECT id, 'tag ' || n, n FROM made, generate_series(1, 3) AS n
"""
COMMENT = "INSERT INTO publishing_comment (article_id, author_id, body) VALUES ($1, $2, $3)"
CALLER = "BEGIN TRANSACTION; SET LOCAL litehouse.caller = '{} 0f8fad5bd9cb469fa1650f8fad5bd9cb request'"
Write = Callable[[asyncpg.Connection], Awaitable[object]]


async def switch(connection: asyncpg.Connection, *, on: bool) -> None:
    """Have changes recorded, or not."""
    for table in TABLES:
        await connection.execute(f"ALTER TABLE {table} {'ENABLE' if on else 'DISABLE'} TRIGGER audited_insert")


async def bulk(database: Database, connection: asyncpg.Connection, rows: int) -> float:
    """How many times as long a bulk insert takes: so many rows each way, in chunks turn by turn."""
    work = database.unit_of_work()
    seeder, texts = Seeder(work, lambda _: None), samples()
    people = list((await work.run(lambda: seeder.people([f"bulk-{n}" for n in range(100)]))).values())
    spent: dict[bool, list[float]] = {True: [], False: []}
    for start in range(0, rows, CHUNK):
        for on in (True, False) if start // CHUNK % 2 else (False, True):
            await switch(connection, on=on)
            chosen = [_numbered(texts[n % len(texts)], n) for n in range(start, start + CHUNK)]
            authors = [people[n % len(people)] for n in range(CHUNK)]
            written = seeder.write(chosen, authors, datetime.now(UTC), timedelta(seconds=1))
            spent[on].append(await _copied(database, written))
    recorded, bare = sum(spent[True]), sum(spent[False])
    each = median(a / b for a, b in zip(spent[True], spent[False], strict=True))
    print(f"bulk insert of {rows:,} articles: {recorded:.1f} s beside {bare:.1f} s,", end=" ")
    print(f"{recorded / bare:.3f} times as long (median of the turns {each:.3f})")
    return recorded / bare


async def _copied(database: Database, written: Sequence[Written]) -> float:
    work = database.unit_of_work()
    begun = time.perf_counter()
    await work.run(lambda: Seeder(work, lambda _: None).articles(written, []))
    return time.perf_counter() - begun


async def together(url: str, connection: asyncpg.Connection, name: str, write: Write, seconds: float) -> float:
    """How many times as long a transaction takes with sixteen writers at once."""
    writers = [await asyncpg.connect(url) for _ in range(WRITERS)]
    done: dict[bool, list[int]] = {True: [], False: []}
    begin = CALLER.format(await connection.fetchval("SELECT uuidv7()"))

    async def write_on(one: asyncpg.Connection, until: float, *, on: bool) -> int:
        count = 0
        while time.perf_counter() < until:
            await one.execute(begin if on else "BEGIN")
            await write(one)
            await one.execute("COMMIT")
            count += 1
        return count

    for turn in range(int(seconds / TURN)):
        for on in (True, False) if turn % 2 else (False, True):
            await switch(connection, on=on)
            until = time.perf_counter() + TURN
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(write_on(one, until, on=on)) for one in writers]
            done[on].append(sum(task.result() for task in tasks))
    for one in writers:
        await one.close()
    recorded, bare = (sum(done[on]) / len(done[on]) / TURN for on in (True, False))
    each = median(b / a for a, b in zip(done[True], done[False], strict=True))
    print(f"{WRITERS} writers, {name}: {recorded:,.0f} a second beside {bare:,.0f},", end=" ")
    print(f"{bare / recorded:.3f} times as long (median of the turns {each:.3f})")
    return bare / recorded


async def measure(settings: Settings, rows: int, seconds: float) -> list[float]:
    """All three."""
    database = Database(settings, on_oversized=sys.exit)
    connection = await asyncpg.connect(database.url)
    async with database.lifespan():
        figures = [await bulk(database, connection, rows)]
    author = await connection.fetchval("SELECT id FROM accounts_user LIMIT 1")
    article = await connection.fetchval("SELECT id FROM publishing_article LIMIT 1")
    body = _numbered(samples()[0], 1).body

    async def publish(one: asyncpg.Connection) -> None:
        await one.execute(ARTICLE, secrets.token_hex(12), body, author)

    async def comment(one: asyncpg.Connection) -> None:
        await one.execute(COMMENT, article, author, "Call me Ishmael.")

    for name, write in (("articles with tags", publish), ("comments", comment)):
        figures.append(await together(database.url, connection, name, write, seconds))
    await connection.close()
    return figures


def main() -> None:
    """Measure on a PostgreSQL of its own; exit code 1 where more was promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.audit")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, share(Path(folder)) as server:
        Path(folder).chmod(0o755)
        name = f"recorded_{secrets.token_hex(4)}"
        asyncio.run(_create(server.url, name))
        url = at(server.url, name)
        migrations.upgrade(url, tell=lambda _: None)
        environ = {"DATABASE_URL": url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_STATEMENT_TIMEOUT": "600"}
        settings = load(env_file=None, environ=environ)
        figures = uvloop.run(measure(settings, given.rows, given.seconds))
    if max(figures) > PROMISED:
        sys.exit(f"more than {PROMISED} was not promised")


async def _create(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


if __name__ == "__main__":
    main()
