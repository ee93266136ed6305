"""All that leaves the trail: entries, with what is encrypted or waits to be, and a row with what became of it."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.audit.models import Key, Pending, Personal, trail
from app.domain.audit.schemas import Operation
from app.platform.audited import Audited, Row
from app.platform.database.work import Source
from app.platform.statements.compiled import DIALECT
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

FAR_BACK, FAR_BACK_BYTES = 1_000, 20_000_000  # changes that a row is rebuilt over at most, and what they take


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
    trail,
    person=func.coalesce(Personal.person, Pending.person, trail.c.person, type_=Uuid()),
    ciphertext=Personal.ciphertext,
    person_key=Key.key,
    pending_before=func.coalesce(Pending.before, trail.c.personal_before, type_=JSONB()),
    pending_after=func.coalesce(Pending.after, trail.c.personal_after, type_=JSONB()),
)


def _with_personal(q: Select) -> Select:
    q = q.outerjoin(Personal, (Personal.position == trail.c.position) & (Personal.at == trail.c.at))
    return q.outerjoin(Key, Key.person == Personal.person).outerjoin(Pending, Pending.position == trail.c.position)


@query(recorded, page=by(trail.c.xid.desc(), trail.c.position.desc()))
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
    q = _with_personal(q).where(trail.c.at >= since, trail.c.at < until)
    for column, value in (
        (trail.c.relation, relation),
        (trail.c.actor, actor),
        (trail.c.request_id, request_id),
        (trail.c.operation, operation),
    ):
        q = q if value is None else q.where(column == value)
    return q


@query(recorded, page=by(trail.c.position.desc()))
def entries_of(q: Select, *, relation: str, key: str) -> Select:
    """What became of a row, the latest first."""
    return _with_personal(q).where(trail.c.relation == relation, trail.c.key == key)


@query(recorded, page=by(trail.c.position.desc()))
def entries_of_several(  # noqa: PLR0913 - each is what an index is asked for
    q: Select,
    *,
    relations: list[str],
    keys: list[str],
    rows: list[str],
    linked: list[str],
    begins: str,
    ends: str,
) -> Select:
    """What became of rows, and of those of the linked tables whose keys begin so, the latest first.

    `rows`: each a table and a key with a space between. `relations` and `keys` are theirs: by these an index finds
    them, however the trail is put together, and the rows tell which pairs are meant. `ends` is behind all that `begins`
    so.
    """
    named = trail.c.relation.op("||")(" ").op("||")(trail.c.key)
    one = (trail.c.relation == func.any(relations)) & (trail.c.key == func.any(keys)) & (named == func.any(rows))
    within = trail.c.key.between(begins, ends) & func.starts_with(trail.c.key, begins)
    return _with_personal(q).where(one | ((trail.c.relation == func.any(linked)) & within))


# The row as it is and what it was before each change after a moment, or from an entry on, by one statement: of one
# snapshot. How many changes there are tells whether all of them have come.
SINCE = """
SELECT (SELECT to_jsonb(t) FROM "{table}" AS t WHERE {is_it})::text, e.number, e.position, e.at, e.operation,
    e.before::text, e.person, e.ciphertext, e.person_key, e.pending::text
FROM (SELECT) AS once LEFT JOIN (
    SELECT *, sum(size) OVER (ORDER BY position DESC) AS bytes, count(*) OVER () AS number FROM (
        SELECT e.position, e.at, e.operation, e.before, p.person, p.ciphertext, k.key AS person_key,
            coalesce(q.before, e.personal_before) AS pending, coalesce(pg_column_size(e.before), 0)
            + coalesce(pg_column_size(p.ciphertext), 0)
            + coalesce(pg_column_size(q.before), pg_column_size(e.personal_before), 0) AS size
        FROM audit_trail AS e LEFT JOIN audit_personal AS p ON p.position = e.position AND p.at = e.at
        LEFT JOIN audit_key AS k ON k.person = p.person
        LEFT JOIN audit_personal_pending AS q ON q.position = e.position
        WHERE e.relation = '{table}' AND e.key IN ($1, '')
        AND ($2::timestamptz IS NULL OR e.at > $2) AND ($3::bigint IS NULL OR e.position >= $3)
        ORDER BY e.position DESC LIMIT {limit}
    ) AS few
) AS e ON e.bytes - e.size < {bytes} ORDER BY e.position DESC
"""


class Former(Struct, frozen=True):
    """What a row was before a change of it, as text yet: of an update, the columns that it changed."""

    position: int
    at: datetime
    operation: Operation
    before: str | None
    person: UUID | None
    ciphertext: bytes | None
    person_key: bytes | None
    pending: str | None


class Since(Struct, frozen=True):
    """The row as it is, as text yet, and what it was before each change, the latest first; whether these are all."""

    row: str | None
    changes: list[Former]
    is_whole: bool


async def row_since(source: Source, audited: Audited, key: str, moment: datetime | None, position: int | None) -> Since:
    """The row as it is, and what became of it after the moment, or from the position on.

    Raises asyncpg's DataError for a key that cannot be one of the table.
    """
    columns = list(audited.table.primary_key.columns)
    parts = key.split(",", len(columns) - 1)
    if len(parts) < len(columns):
        return Since(None, [], is_whole=True)
    is_it = " AND ".join(
        f't."{column.name}" = ${number}::text::{column.type.compile(dialect=DIALECT)}'
        for number, column in enumerate(columns, 4)
    )
    sql = SINCE.format(table=audited.table.name, is_it=is_it, limit=FAR_BACK + 1, bytes=FAR_BACK_BYTES)
    rows = [tuple(row) for row in await source.fetch(sql, (key, moment, position, *parts))]
    row, number, *_ = rows[0]
    changes = [Former(*fields) for _, _, *fields in rows if fields[0] is not None]
    return Since(row, changes, is_whole=len(changes) == (number or 0) <= FAR_BACK)
