"""Which tables are audited, as modules declare it, and the triggers by which a module that keeps a trail learns of it.

The triggers are no part of a migration: after each `migrate`, under its lock, those that the declarations ask for are
made and others dropped, so that a module comes and goes without a word in another one's migrations.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from app.kit.identity import Viewer
from app.platform.database.model import Base
from app.platform.database.work import Source, UnitOfWork

Row = Mapping[str, Any]
"""A row of a table: JSON values by the names of its columns."""

Revert = Callable[[UnitOfWork, Viewer, Row], Awaitable[None]]
"""By the module's own verbs and rules, makes the row again what it was. Raises what those verbs raise."""

MASKED, PERSONAL = "masked", "personal"
LONGEST_KEY = 3  # columns
# A trigger's name, the events that it is for, and how it calls the rows before and after.
TRIGGERS = {
    "audited_insert": ("INSERT", "REFERENCING NEW TABLE AS changed "),
    "audited_update": ("UPDATE", "REFERENCING OLD TABLE AS former NEW TABLE AS changed "),
    "audited_delete": ("DELETE", "REFERENCING OLD TABLE AS former "),
    "audited_truncate": ("TRUNCATE", ""),
}


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
    def arguments(self) -> tuple[str, ...]:
        """What its triggers hand to the function that records: see the function's own description."""
        markers = {name: {MASKED: True} for name in self.masked} | {name: {PERSONAL: True} for name in self.personal}
        return (
            _array(self.key),
            _array(self.ignored),
            json.dumps(markers, sort_keys=True),
            _array(self.personal),
            self.person or "",
            "persons" if self.of_persons else "",
        )


def _array(names: Sequence[str]) -> str:
    return f"{{{','.join(names)}}}"


class Trigger(NamedTuple):
    """One of a table's four."""

    table: str
    name: str
    function: str
    arguments: tuple[str, ...]

    def made(self) -> str:
        """The statement that makes it."""
        event, transition = TRIGGERS[self.name]
        arguments = ", ".join("'" + argument.replace("'", "''") + "'" for argument in self.arguments)
        return (
            f'CREATE TRIGGER {self.name} AFTER {event} ON "{self.table}" {transition}'
            f"FOR EACH STATEMENT EXECUTE FUNCTION {self.function}({arguments})"
        )

    def dropped(self) -> str:
        """The statement that drops it."""
        return f'DROP TRIGGER IF EXISTS {self.name} ON "{self.table}"'


PRESENT = """
SELECT c.relname::text, t.tgname::text, p.proname::text, t.tgargs
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = current_schema()::regnamespace AND starts_with(t.tgname, 'audited_') AND NOT t.tgisinternal
AND t.tgenabled IN ('O', 'A') ORDER BY 1, 2
"""
TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
HAS_RECORDER = "SELECT to_regproc('{recorder}') IS NOT NULL"


def wanted(declared: Iterable[Audited], recorder: str | None) -> list[Trigger]:
    """The triggers of all tables that are declared; none where nobody records."""
    if recorder is None:
        return []
    return [Trigger(one.table.name, name, recorder, one.arguments) for one in declared for name in TRIGGERS]


def difference(present: Iterable[Any], wanted: Iterable[Trigger]) -> tuple[list[Trigger], list[Trigger]]:
    """The triggers to be dropped, and then those to be made."""
    found = [Trigger(table, name, function, _arguments(packed)) for table, name, function, packed in present]
    wanted = list(wanted)
    return [one for one in found if one not in wanted], [one for one in wanted if one not in found]


def _arguments(packed: bytes) -> tuple[str, ...]:
    """As PostgreSQL keeps a trigger's arguments: each ends with a NUL."""
    return tuple(packed.decode().split("\0")[:-1])


def settle(connection: Connection, declared: Iterable[Audited], recorder: str | None) -> None:
    """Make the triggers that are declared, of tables that are there, and drop others; nothing where all is well."""
    tables = {row[0] for row in connection.exec_driver_sql(TABLES)}
    is_there = recorder and connection.exec_driver_sql(HAS_RECORDER.format(recorder=recorder)).scalar()
    asked = [one for one in wanted(declared, recorder if is_there else None) if one.table in tables]
    superfluous, missing = difference(connection.exec_driver_sql(PRESENT), asked)
    # One that somebody has disabled is there, and counts as missing: it is dropped first as well.
    for statement in (*(one.dropped() for one in (*superfluous, *missing)), *(one.made() for one in missing)):
        connection.exec_driver_sql(statement)


async def drift(source: Source, declared: Iterable[Audited], recorder: str) -> list[str]:
    """A line for each table of which something would not be recorded, or not as it is declared."""
    superfluous, missing = difference(await source.fetch(PRESENT, ()), wanted(declared, recorder))
    tables = dict.fromkeys(one.table for one in (*missing, *superfluous))
    return [f"the triggers of {table} are not those that are declared: `just migrate`" for table in tables]
