"""How what the triggers wrote into the journal becomes entries of the trail, and what is personal in it is encrypted.

What is there is posted, in whatever order: once a batch was not full, nothing is left of the transactions that had
ended before it began.
"""

from typing import NamedTuple
from uuid import UUID

from app.domain.audit.persons import ciphers_of, keep
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal

BATCH, BATCH_BYTES = 5_000, 10_000_000  # rows, and their bytes as PostgreSQL keeps them
LET = "SELECT set_config('litehouse.audit', 'posts', true)"
READY = """
SELECT place::text, position, person, bytes FROM (
    SELECT place, position, person, size, sum(size) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT place, position, person, size FROM audit_posting LIMIT $1
    ) AS few
) AS ready WHERE bytes - size < $2
"""
ENTRY = "xid, position, at, relation, key, operation, actor, request_id, origin, before, after"
# What was taken away is what is posted: a row that a deletion has changed meanwhile stands elsewhere, and comes later.
POST = f"""
WITH gone AS (
    DELETE FROM audit_journal AS j USING audit_posting AS p
    WHERE j.ctid = ANY($1::text[]::tid[]) AND p.place = j.ctid AND p.position = ANY($2::bigint[])
    RETURNING p.*
), posted AS (
    INSERT INTO audit_entry ({ENTRY}) SELECT {ENTRY} FROM gone ORDER BY xid, position ON CONFLICT DO NOTHING
), put_off AS (
    INSERT INTO audit_personal_pending (position, at, person, before, after)
    SELECT position, at, person, personal_before, personal_after FROM gone
    WHERE person = ANY($3::uuid[]) AND coalesce(personal_before, personal_after) IS NOT NULL
)
SELECT position, at, person, personal_before::text, personal_after::text FROM gone
"""  # noqa: S608 - of texts of ours


class Posted(NamedTuple):
    """How many were posted; whether more may be left; whose keys did not open, and why."""

    count: int
    is_full: bool
    broken: dict[UUID, str]


async def post(work: UnitOfWork, seal: Seal) -> Posted:
    """Post a batch; nobody else may be at it.

    Of persons who are gone, what is personal is dropped; of those whose key does not open it is put off.
    """
    rows = await work.fetch(READY, (BATCH, BATCH_BYTES))
    if not rows:
        return Posted(0, False, {})
    # First their keys, as a deletion goes: it waits for them, and then finds nothing in the journal, or it was first.
    persons = sorted({row[2] for row in rows if row[2]})
    ciphers, broken = await ciphers_of(work, seal, persons) if persons else ({}, {})
    await work.fetch(LET, ())
    places, positions, *_ = zip(*rows, strict=True)
    posted = await work.fetch(POST, (places, positions, list(broken)))
    await keep(work, ciphers, [row for row in posted if row[3] or row[4]])
    is_full = len(rows) == BATCH or rows[-1][3] >= BATCH_BYTES or len(posted) < len(rows)
    return Posted(len(posted), is_full, broken)
