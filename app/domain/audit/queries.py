"""All that leaves the trail: entries, with what is encrypted or waits to be, and a row with what became of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, json
from sqlalchemy import Select, Uuid, func

from app.domain.audit.models import Entry, Key, Pending, Personal
from app.domain.audit.schemas import Operation
from app.platform.audited import Audited, Row
from app.platform.database.work import Source
from app.platform.statements.compiled import DIALECT
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

FAR_BACK = 10_000  # changes that a row is rebuilt over at most


class Recorded(Struct, frozen=True):
    """An entry as it stands in its row, and what belongs to it."""

    position: int
    at: datetime
    relation: str
    key: str
    operation: Operation
    actor: UUID | None
    request_id: str | None
    origin: str
    before: Row | None
    after: Row | None
    person: UUID | None
    ciphertext: bytes | None
    person_key: bytes | None
    pending_before: Row | None
    pending_after: Row | None


recorded = Shape(
    Recorded,
    Entry,
    person=func.coalesce(Personal.person, Pending.person, type_=Uuid()),
    ciphertext=Personal.ciphertext,
    person_key=Key.key,
    pending_before=Pending.before,
    pending_after=Pending.after,
)


def _with_personal(q: Select) -> Select:
    q = q.outerjoin(Personal, (Personal.position == Entry.position) & (Personal.at == Entry.at))
    return q.outerjoin(Key, Key.person == Personal.person).outerjoin(Pending, Pending.position == Entry.position)


@query(recorded, page=by(Entry.xid.desc(), Entry.position.desc()))
def newest_entries(  # noqa: PLR0913 - each is a filter
    q: Select,
    *,
    since: datetime,
    until: datetime,
    relation: str | None = None,
    actor: UUID | None = None,
    request_id: str | None = None,
    operation: str | None = None,
) -> Select:
    """Entries, the newest first."""
    q = _with_personal(q).where(Entry.at >= since, Entry.at < until)
    for column, value in (
        (Entry.relation, relation),
        (Entry.actor, actor),
        (Entry.request_id, request_id),
        (Entry.operation, operation),
    ):
        q = q if value is None else q.where(column == value)
    return q


@query(recorded, page=by(Entry.position.desc()))
def entries_of(q: Select, *, relation: str, key: str) -> Select:
    """What became of a row, the latest first."""
    return _with_personal(q).where(Entry.relation == relation, Entry.key == key)


# The row as it is and what became of it after a moment, or from an entry on, by one statement: of one snapshot.
SINCE = """
SELECT (SELECT to_jsonb(t) FROM "{table}" AS t WHERE {is_it})::text,
    e.position, e.at, e.relation, e.key, e.operation, e.actor, e.request_id, e.origin, e.before::text, e.after::text,
    coalesce(p.person, q.person), p.ciphertext, k.key, q.before::text, q.after::text
FROM (SELECT) AS once LEFT JOIN (
    SELECT * FROM audit_entry WHERE relation = '{table}' AND key IN ($1, '')
    AND ($2::timestamptz IS NULL OR at > $2) AND ($3::bigint IS NULL OR position >= $3)
    ORDER BY position DESC LIMIT {limit}
) AS e ON true
LEFT JOIN audit_personal AS p ON p.position = e.position AND p.at = e.at
LEFT JOIN audit_key AS k ON k.person = p.person LEFT JOIN audit_personal_pending AS q ON q.position = e.position
ORDER BY e.position DESC
"""


async def row_since(
    source: Source, audited: Audited, key: str, moment: datetime | None, position: int | None
) -> tuple[Row | None, list[Recorded]]:
    """The row as it is, and what became of it after the moment, or from the position on: the latest first.

    Raises asyncpg's DataError for a key that cannot be one of the table.
    """
    columns = list(audited.table.primary_key.columns)
    parts = key.split(",", len(columns) - 1)
    if len(parts) < len(columns):
        return None, []
    is_it = " AND ".join(
        f't."{column.name}" = ${number}::text::{column.type.compile(dialect=DIALECT)}'
        for number, column in enumerate(columns, 4)
    )
    sql = SINCE.format(table=audited.table.name, is_it=is_it, limit=FAR_BACK + 1)
    rows = await source.fetch(sql, (key, moment, position, *parts))
    return _json(rows[0][0]), [_recorded(tuple(row)) for row in rows if row[1] is not None]


def _recorded(row: Sequence[Any]) -> Recorded:
    _, *plain, before, after, person, ciphertext, person_key, pending_before, pending_after = row
    sealed = (person, ciphertext, person_key)
    return Recorded(*plain, _json(before), _json(after), *sealed, _json(pending_before), _json(pending_after))


def _json(text: str | None) -> Any:
    return None if text is None else json.decode(text)
