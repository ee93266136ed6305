"""Which tables are audited, as modules declare it, and the triggers by which a module that keeps a trail learns of it.

The triggers are no part of a migration: after each `migrate`, under its lock, those that the declarations ask for are
made and others dropped, so that a module comes and goes without a word in another one's migrations. And while it runs,
they follow the columns that it makes: what is to be hidden is hidden before it is filled, whoever writes meanwhile.
"""

import json
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, event
from sqlalchemy.exc import DBAPIError

from app.kit.identity import Viewer
from app.platform.database.model import Base
from app.platform.database.refusals import LOCK_NOT_AVAILABLE, sqlstate
from app.platform.database.work import Source, UnitOfWork

Row = Mapping[str, Any]
"""A row of a table: JSON values by the names of its columns."""

Revert = Callable[[UnitOfWork, Viewer, Row], Awaitable[None]]
"""By the module's own verbs and rules, makes the row again what it was. Raises what those verbs raise."""

MASKED, PERSONAL = "masked", "personal"
LONGEST_KEY = 3  # columns
# A trigger's name, its event, and how it calls the rows before and after; and all that as PostgreSQL has it.
TRIGGERS = {
    "audited_insert": ("INSERT", "REFERENCING NEW TABLE AS changed ", "4 changed"),
    "audited_update": ("UPDATE", "REFERENCING OLD TABLE AS former NEW TABLE AS changed ", "16 former changed"),
    "audited_delete": ("DELETE", "REFERENCING OLD TABLE AS former ", "8 former"),
    "audited_truncate": ("TRUNCATE", "", "32"),
}
# Whoever writes waits behind it, and so it is had soon or given up, and tried again: each table by itself.
LOCK_TIMEOUT, PAUSE = "100ms", 0.3  # the pause in seconds
TRIES = 50


@dataclass(frozen=True, kw_only=True)
class Audited:
    """A table each of whose changes is recorded, whoever makes it.

    `ignored`: columns whose change alone is none, such as a count. `masked`: columns whose value is a secret; of them
    is recorded that they changed. `personal`: columns whose values are encrypted by the key of the person whose id
    stands in the column `person`; `of_persons`: the table is that of the persons themselves, and with a row of it goes
    the key. `revert`: makes a row again what it was.
    """

    model: type[Base]
    ignored: Sequence[str] = ()
    masked: Sequence[str] = ()
    personal: Sequence[str] = ()
    person: str | None = None
    of_persons: bool = False
    revert: Revert | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse names that are no columns, and a key of which nobody could be told. Raises ValueError."""
        named = {*self.ignored, *self.masked, *self.personal, *([self.person] if self.person else [])}
        unknown = sorted(named - {*self.table.columns.keys()})
        for fault, is_found in (
            (f"has no {', '.join(unknown)}", unknown),
            ("has personal columns and no person", bool(self.personal) != bool(self.person)),
            ("has a key of too many columns", len(self.key) > LONGEST_KEY),
            (
                "hides or ignores its key, or its person",
                {*self.key, self.person} & {*self.masked, *self.personal, *self.ignored},
            ),
        ):
            if is_found:
                message = f"{self.table.name} {fault}"
                raise ValueError(message)

    @property
    def table(self) -> Table:
        """It."""
        table: Any = self.model.__table__
        return table

    @property
    def key(self) -> list[str]:
        """The names of its key's columns."""
        return [column.name for column in self.table.primary_key.columns]

    @property
    def markers(self) -> dict[str, dict[str, bool]]:
        """What is shown in the place of hidden columns."""
        return {name: {MASKED: True} for name in self.masked} | {name: {PERSONAL: True} for name in self.personal}

    @property
    def arguments(self) -> tuple[str, ...]:
        """What its triggers hand to the function that records: see the function's own description."""
        return (
            _array(self.key),
            _array(self.ignored),
            json.dumps(self.markers, sort_keys=True),
            _array(self.personal),
            self.person or "",
            "persons" if self.of_persons else "",
        )


def _array(names: Sequence[str]) -> str:
    return f"{{{','.join(names)}}}"


def _names(array: str) -> list[str]:
    return [name for name in array[1:-1].split(",") if name]


class Trigger(NamedTuple):
    """One of a table's four."""

    table: str
    name: str
    function: str
    arguments: tuple[str, ...]
    event: str  # and the transition tables

    def made(self) -> str:
        """The statement that makes it, also in the place of one that is disabled or another."""
        event, transition, _ = TRIGGERS[self.name]
        arguments = ", ".join("'" + argument.replace("'", "''") + "'" for argument in self.arguments)
        return (
            f'CREATE OR REPLACE TRIGGER {self.name} AFTER {event} ON "{self.table}" {transition}'
            f"FOR EACH STATEMENT EXECUTE FUNCTION {self.function}({arguments})"
        )

    def dropped(self) -> str:
        """The statement that drops it."""
        return f'DROP TRIGGER IF EXISTS {self.name} ON "{self.table}"'


PRESENT = """
SELECT c.relname::text, t.tgname::text, p.proname::text, t.tgargs,
    concat_ws(' ', t.tgtype, t.tgoldtable, t.tgnewtable, nullif(t.tgattr::text, ''), t.tgqual),
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = current_schema()::regnamespace AND starts_with(t.tgname, 'audited_') AND NOT t.tgisinternal
AND t.tgenabled IN ('O', 'A') ORDER BY 1, 2
"""
TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
HAS_RECORDER = "SELECT to_regproc('{recorder}') IS NOT NULL"
Changes = Mapping[str, Sequence[str]]
"""Statements, by the table whose triggers they change."""


class UnsettledError(Exception):
    """Triggers could not be changed, because others never let their tables go; the text names the tables."""


def wanted(declared: Iterable[Audited], recorder: str | None) -> list[Trigger]:
    """The triggers of all tables that are declared; none where nobody records."""
    if recorder is None:
        return []
    return [
        Trigger(one.table.name, name, recorder, one.arguments, event)
        for one in declared
        for name, (_, _, event) in TRIGGERS.items()
    ]


def _present(rows: Iterable[Any]) -> list[tuple[Trigger, Sequence[str]]]:
    """The triggers that there are, each with the columns of its table."""
    return [
        (Trigger(table, name, function, _arguments(packed), event), columns)
        for table, name, function, packed, event, columns in rows
    ]


def _arguments(packed: bytes) -> tuple[str, ...]:
    """As PostgreSQL keeps a trigger's arguments: each ends with a NUL."""
    return tuple(packed.decode().split("\0")[:-1])


def _changes(present: Sequence[Trigger], asked: Sequence[Trigger]) -> Changes:
    """From those that are there to those that are asked for. One that is disabled is not among those that are there."""
    kept = {(one.table, one.name) for one in asked}
    changes: dict[str, list[str]] = {}
    for one in present:
        if (one.table, one.name) not in kept:
            changes.setdefault(one.table, []).append(one.dropped())
    for one in asked:
        if one not in present:
            changes.setdefault(one.table, []).append(one.made())
    return changes


def settle(connection: Connection, declared: Sequence[Audited], recorder: str | None) -> None:
    """Make the triggers that are declared, of tables that are there, and drop others. Raises UnsettledError."""

    def changes() -> Changes:
        tables = {row[0] for row in connection.exec_driver_sql(TABLES)}
        is_there = recorder and connection.exec_driver_sql(HAS_RECORDER.format(recorder=recorder)).scalar()
        asked = [one for one in wanted(declared, recorder if is_there else None) if one.table in tables]
        return _changes([one for one, _ in _present(connection.exec_driver_sql(PRESENT))], asked)

    _patiently(connection, changes)


def hide(connection: Connection, declared: Sequence[Audited]) -> None:
    """Have the triggers that are there hide what is declared to be hidden, too. Raises UnsettledError."""
    _patiently(connection, lambda: _hiding(connection, declared))


@contextmanager
def hidden(connection: Connection, declared: Sequence[Audited]) -> Generator[None]:
    """The same meanwhile, by whatever statement columns come: in its own transaction, before another fills them.

    A statement that makes a column and fills it, as a DO block can, is beyond this.
    """

    def follow(connection: Connection, _cursor: Any, statement: str, _given: Any, _context: Any, _many: Any) -> None:
        if "ALTER TABLE" in statement.upper():
            for changes in _hiding(connection, declared).values():
                for change in changes:
                    connection.exec_driver_sql(change)

    event.listen(connection, "after_cursor_execute", follow)
    try:
        yield
    finally:
        event.remove(connection, "after_cursor_execute", follow)


def _hiding(connection: Connection, declared: Sequence[Audited]) -> Changes:
    ones = {one.table.name: one for one in declared}
    present = _present(connection.exec_driver_sql(PRESENT))
    asked = [
        one._replace(arguments=_hidden(ones[one.table], one.arguments, columns)) if one.table in ones else one
        for one, columns in present
    ]
    return _changes([one for one, _ in present], asked)


def _hidden(one: Audited, given: tuple[str, ...], columns: Sequence[str]) -> tuple[str, ...]:
    """A trigger's arguments: of the columns that are there, it hides those that it did and those that it is to."""
    keys, ignored, hiding, personal, person, *rest = given
    markers = {name: marker for name, marker in (json.loads(hiding) | one.markers).items() if name in columns}
    names = dict.fromkeys((*_names(personal), *one.personal))
    encrypted = _array([name for name in names if markers.get(name) == {PERSONAL: True}])
    owner = one.person if one.person in columns else person
    return (keys, ignored, json.dumps(markers, sort_keys=True), encrypted, owner or "", *rest)


def _patiently(connection: Connection, changes: Callable[[], Changes]) -> None:
    """Make the changes that are left, each table's in a transaction; those for which there is no lock later again."""
    failed: list[str] = []
    for _ in range(TRIES):
        with connection.begin():
            left = changes()
        failed = [table for table, statements in left.items() if not _is_made(connection, statements)]
        if not failed:
            return
        with connection.begin():
            connection.exec_driver_sql(f"SELECT pg_sleep({PAUSE})")
    raise UnsettledError(", ".join(failed))


def _is_made(connection: Connection, statements: Sequence[str]) -> bool:
    try:
        with connection.begin():
            for statement in (f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'", *statements):
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


async def drift(source: Source, declared: Iterable[Audited], recorder: str) -> list[str]:
    """A line for each table of which something would not be recorded, or not as it is declared."""
    present = [one for one, _ in _present(await source.fetch(PRESENT, ()))]
    tables = _changes(present, wanted(declared, recorder))
    return [f"the triggers of {table} are not those that are declared: `just migrate`" for table in sorted(tables)]
