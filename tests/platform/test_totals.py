"""The counters tell the truth, whatever way rows come and go, and hold no two writers up for each other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest
from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from app.platform.totals import total_of

TABLES = """
    CREATE TABLE shelf (id int PRIMARY KEY);
    CREATE TABLE book (shelf int REFERENCES shelf ON DELETE CASCADE, title text UNIQUE, genre text);
"""
BOOKS = """
    INSERT INTO shelf VALUES (1), (2);
    INSERT INTO book VALUES (1, 'a', 'tale'), (1, 'b', 'tale'), (2, 'c', 'poem'), (2, 'd', NULL);
"""
EVENTS = {
    "INSERT": "REFERENCING NEW TABLE AS changed",
    "DELETE": "REFERENCING OLD TABLE AS changed",
    "UPDATE": "REFERENCING OLD TABLE AS former NEW TABLE AS changed",
    "TRUNCATE": "",
}
COUNTED = "".join(
    f"CREATE TRIGGER {name}_{event} AFTER {event} ON book {transition} FOR EACH STATEMENT "
    f"EXECUTE FUNCTION platform_count({arguments});"
    for name, arguments in {"all": "'book'", "each": "'book by genre', 'genre'"}.items()
    for event, transition in EVENTS.items()
)


@pytest.fixture
async def library(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees two shelves of counted books, in a transaction that is given up after the test."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"BEGIN; {TABLES} {COUNTED} {BOOKS}")
    yield connection
    await connection.execute("ROLLBACK")
    await connection.close()


@pytest.fixture
async def connect(fresh_database_url: str) -> AsyncIterator[Callable[[], Awaitable[asyncpg.Connection]]]:
    """Open a connection to a database that has the library; each sees what the others have committed."""
    async with AsyncExitStack() as stack:

        async def make() -> asyncpg.Connection:
            connection = await asyncpg.connect(fresh_database_url)
            stack.push_async_callback(connection.close)
            return connection

        await (await make()).execute(TABLES + COUNTED + BOOKS)
        yield make


async def counted(library: asyncpg.Connection) -> dict[str, int]:
    """The counters that are not zero, by genre; the total is under the empty text."""
    rows = await library.fetch(
        "SELECT key, sum(value) AS total FROM platform_counter GROUP BY key HAVING sum(value) <> 0"
    )
    return {row["key"]: row["total"] for row in rows}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param("SELECT", {"": 4, "tale": 2, "poem": 1}, id="nothing"),
        pytest.param(
            "INSERT INTO book VALUES (1, 'e', 'tale'), (1, 'f', 'play')",
            {"": 6, "tale": 3, "poem": 1, "play": 1},
            id="rows",
        ),
        pytest.param(
            "INSERT INTO book VALUES (1, 'a', 'tale') ON CONFLICT DO NOTHING",
            {"": 4, "tale": 2, "poem": 1},
            id="conflict",
        ),
        pytest.param("DELETE FROM book WHERE genre = 'tale'", {"": 2, "poem": 1}, id="deleted"),
        pytest.param("DELETE FROM shelf WHERE id = 2", {"": 2, "tale": 2}, id="cascade"),
        pytest.param(
            "UPDATE book SET genre = 'play' WHERE title IN ('a', 'c')", {"": 4, "tale": 1, "play": 2}, id="key"
        ),
        pytest.param("UPDATE book SET title = title || '!'", {"": 4, "tale": 2, "poem": 1}, id="another-column"),
        pytest.param("TRUNCATE shelf CASCADE", {}, id="truncated"),
        pytest.param("TRUNCATE shelf, book, platform_counter", {}, id="truncated-with-the-counters"),
        pytest.param(
            "MERGE INTO book USING (VALUES ('a'), ('z')) AS news (name) ON title = name "
            "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1, name, 'play')",
            {"": 4, "tale": 1, "poem": 1, "play": 1},
            id="merge",
        ),
    ],
)
async def test_counters_follow_the_rows(library, change, expected):
    await library.execute(change)
    assert await counted(library) == expected


async def test_a_copy_is_counted(library):
    rows = [(1, str(number), "tale") for number in range(1000)]
    await library.copy_records_to_table("book", records=rows)
    assert await counted(library) == {"": 1004, "tale": 1002, "poem": 1}


async def test_a_rollback_takes_its_counts_back(library):
    await library.execute("SAVEPOINT before")
    await library.execute("DELETE FROM book")
    assert await counted(library) == {}
    await library.execute("ROLLBACK TO before")
    assert (await counted(library))[""] == 4


async def test_a_total_is_read_over_all_shards(connect):
    for title in ("x", "y"):
        other = await connect()
        await other.execute("INSERT INTO book VALUES (1, $1, 'tale')", title)
    for total, expected in [
        (total_of("book"), 6),
        (total_of("book by genre", literal("tale")), 4),
        (total_of("book by genre", "none"), 0),
    ]:
        query = select(total).compile(dialect=asyncpg_dialect.dialect(), compile_kwargs={"literal_binds": True})
        assert await other.fetchval(str(query)) == expected


async def test_writers_of_one_shard_do_not_wait_crosswise(connect):
    """Two connections of one shard count the same keys, which one of them groups by hash and the other by sorting."""
    shards: dict[int, asyncpg.Connection] = {}
    while (one := await connect()).get_server_pid() % 16 not in shards:
        shards[one.get_server_pid() % 16] = one
    other = shards[one.get_server_pid() % 16]
    await one.execute("ALTER TABLE book DISABLE TRIGGER all_insert")  # on the total's one row they would queue up
    await one.execute("SET enable_sort = off")
    await other.execute("SET enable_hashagg = off")

    async def write(connection: asyncpg.Connection) -> None:
        for _ in range(20):
            await connection.execute(
                "INSERT INTO book SELECT 1, gen_random_uuid(), number FROM generate_series(1, 300) AS number"
            )

    async with asyncio.timeout(30), asyncio.TaskGroup() as writers:
        writers.create_task(write(one))
        writers.create_task(write(other))
    assert (await counted(one))["7"] == 40
