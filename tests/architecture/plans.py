"""How PostgreSQL runs each statement of the house in large tables; `python -m tests.architecture.plans` writes it down.

Every table has `ROWS` rows, made from the types of its columns, so that a new module needs nothing here. Beside each
statement, in `plans.txt` among its module's tests, stand the indexes that it reads and the tables that it scans.
"""

import asyncio
import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from inspect import signature
from itertools import combinations
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NamedTuple, get_args, get_type_hints
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB, OID, TSVECTOR

import app
from app.kit.pagination import After, Window, cursor_of
from app.platform import migrations
from app.platform.migration_writing import metadata
from app.platform.postgres.sharing import share
from app.platform.statements.query import Command, Query

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "app").rglob("*.py")))
ROWS = 20_000
EACH = 20  # rows have a value in common, where the column is not unique
# The n-th value of a type, in SQL; the same in every table, so that keys find their rows.
VALUES = {
    Uuid: "lpad(to_hex({n}), 32, '0')::uuid",
    TSVECTOR: "array_to_tsvector(ARRAY(SELECT 'text-' || i FROM generate_series({n}, {n} + 50) AS i))",
    String: "'text-' || {n}",
    SmallInteger: "{n} % 100",
    Integer: "{n}",
    DateTime: "now() + {n} * interval '1 minute'",
    Boolean: "true",
    OID: "({n} + 1)::oid",
    JSONB: "'{{}}'",
    ARRAY: "ARRAY['text-' || {n}]",
    LargeBinary: "decode(lpad(to_hex({n}), 64, '0'), 'hex')",
}
# What the statements are asked for: a value that is there.
ARGUMENTS = {
    UUID: UUID(int=7),
    str: "text-7",
    int: 7,
    bool: True,
    float: 0.7,
    bytes: (7).to_bytes(32, "big"),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    list[str]: ["text-7"],
    list[UUID]: [UUID(int=7)],
}
UNTIL = datetime(2126, 1, 1, tzinfo=UTC)  # an argument of this name ends a span that begins with the moment above
# A partition, or an index of one, goes by the name of the whole; what has no rows may be scanned.
PARTS = """
SELECT c.relname::text, p.relname::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
JOIN pg_class p ON p.oid = inhparent
"""
EMPTY = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND reltuples <= 0"
RUNS = 7  # a prepared statement is planned for its parameters five times, then for any, if that seems no worse


class Plan(NamedTuple):
    """What a statement of a module reads, first and later: the names of indexes, and tables that are scanned whole."""

    module: str
    name: str
    indexes: list[str]
    scanned: list[str]

    def __str__(self) -> str:
        reads = [*self.indexes, *(f"ALL OF {table}" for table in self.scanned)]
        return f"{self.name}: {', '.join(reads) or 'nothing'}"


async def fill(connection: asyncpg.Connection) -> None:
    """Rows in every table, without triggers, keys to other tables and checks.

    Not where there is no key at all: such a table is emptied as fast as it is filled, and read whole.
    """
    await connection.execute("SET session_replication_role = replica")
    for table in metadata().sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint):
                await connection.execute(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{constraint.name}"')
        if not table.primary_key.columns:
            continue
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        values = ", ".join(_value(table, column) for column in table.columns)
        await connection.execute(
            f'INSERT INTO "{table.name}" ({names}) OVERRIDING SYSTEM VALUE'
            f" SELECT {values} FROM generate_series(0, {ROWS - 1}) AS n"
        )
    await connection.execute("VACUUM ANALYZE")


def _value(table: Table, column: Column[Any]) -> str:
    """In a composite key, the second column repeats in another order than the first; text without an index is long."""
    keys = [constraint.columns for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    keys += [index.columns for index in table.indexes if index.unique] + [table.primary_key.columns]
    number = f"(n / {EACH})"
    for key in keys:
        if column in list(key):
            number = "n" if len(key) == 1 else number if next(iter(key)) is column else f"(n % {ROWS // EACH})"
    kind = next((kind for kind in VALUES if isinstance(column.type, kind)), None)
    if kind is None:
        message = f"{table.name}.{column.name}: say in VALUES what a {column.type!r} is filled with"
        raise TypeError(message)
    value = VALUES[kind].format(n=number)
    is_searched = any(column in list(columns) for columns in keys) or any(
        column in list(i.columns) for i in table.indexes
    )
    return f"{value} || repeat(' and so on', 50)" if kind is String and not is_searched else value


class Recorder:
    """A reader or a unit of work that runs nothing, and finds nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Sequence[Any]]] = []

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        self.sent.append((sql, parameters))
        return [(0,)] if len(self.sent) > 1 else []  # a page without rows is asked for its total


async def plans(connection: asyncpg.Connection) -> list[Plan]:
    """The plan of every query and command, with every combination of its optional filters, in every way to ask it."""
    found = []
    parts = dict([tuple(row) for row in await connection.fetch(PARTS)])
    empty = {row[0] for row in await connection.fetch(EMPTY)}
    for module, name, statement in _statements():
        for used in _combinations(statement):
            for way, ask in _ways(name, statement, used):
                recorder = Recorder()
                await ask(recorder)
                read = await _explained(connection, *recorder.sent[way == "total alone"])
                indexes, scanned = (sorted({parts.get(one, one) for one in names - empty}) for names in read)
                found.append(Plan(module, " ".join((name, *used["filters"], way)).strip(), indexes, scanned))
    return found


def _statements() -> Iterator[tuple[str, str, Any]]:
    """Module, name, and query or command; each once, where it is defined."""
    for room in walk_packages(app.__path__, "app."):
        if not room.name.endswith("__main__"):
            for name, found in vars(import_module(room.name)).items():
                if isinstance(found, Query | Command) and found._function.__module__ == room.name:
                    yield room.name.split(".")[2], name, found


def _combinations(statement: Any) -> Iterator[dict[str, Any]]:
    function = statement._function
    hints = get_type_hints(function)
    parameters = list(signature(function).parameters.values())[1:]
    asked = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    given = {name: UNTIL if name == "until" else _argument(hints[name]) for name in asked}
    optional = [p.name for p in parameters if p.default is None]
    for count in range(len(optional) + 1):
        for used in combinations(optional, count):
            left_out = set(optional) - set(used)
            yield {"filters": used, "given": {n: v for n, v in given.items() if n not in left_out}}


def _argument(hint: Any) -> Any:
    kinds = [kind for kind in (hint, *get_args(hint)) if kind in ARGUMENTS]
    return ARGUMENTS[kinds[0]]


def _ways(name: str, statement: Any, used: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    given = used["given"]
    if isinstance(statement, Command) or statement._order is None:
        yield "", lambda source: statement.one(source, **given)
    if f"{name}.page(" in SOURCE:
        yield "first page", lambda source: statement.page(source, Window(20), **given)
        yield "later page", lambda source: statement.page(source, Window(20, 20), **given)
        yield "total alone", lambda source: statement.page(source, Window(20, 20), **given)
    if f"{name}.after(" in SOURCE:
        cursor = cursor_of([ARGUMENTS[column.type.python_type] for column in statement._order.columns])
        yield "first slice", lambda source: statement.after(source, After(20), **given)
        yield "later slice", lambda source: statement.after(source, After(20, cursor), **given)


async def _explained(connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> tuple[set[str], set[str]]:
    values = ", ".join(map(_literal, parameters))
    await connection.execute(f"PREPARE planned AS {sql}")
    try:
        texts = [
            await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned{f'({values})' if values else ''}")
            for _ in range(RUNS)
        ]
    finally:
        await connection.execute("DEALLOCATE planned")
    nodes = [node for text in (texts[0], texts[-1]) for node in _nodes(json.loads(text)[0]["Plan"])]
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    return indexes, scanned


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, list):
        return _literal("{" + ",".join(f'"{one}"' for one in value) + "}")  # of whatever type the parameter is
    return "E'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


async def gathered(url: str) -> list[Plan]:
    """Fill a migrated database, and plan in it."""
    connection = await asyncpg.connect(url)
    try:
        await fill(connection)
        return await plans(connection)
    finally:
        await connection.close()


def written(found: Sequence[Plan]) -> dict[Path, str]:
    """The text of each module's `plans.txt`."""
    files: dict[Path, str] = {}
    for plan in found:
        path = ROOT / "tests" / "domain" / plan.module / "plans.txt"
        files[path] = files.get(path, "") + f"{plan}\n"
    return files


def main() -> None:
    """Write the files anew."""
    with share(ROOT / ".data" / "test", settings={"fsync": "off", "full_page_writes": "off"}) as server:
        name = f"plans_{secrets.token_hex(4)}"
        url = urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))
        asyncio.run(_say(server.url, f'CREATE DATABASE "{name}"'))
        try:
            migrations.upgrade(url)
            found = asyncio.run(gathered(url))
        finally:
            asyncio.run(_say(server.url, f'DROP DATABASE "{name}" WITH (FORCE)'))
    for path, text in written(found).items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


async def _say(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
