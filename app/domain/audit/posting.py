"""How what the triggers wrote into the journal becomes entries of the trail, and what is personal in it is encrypted.

A row is posted once its transaction has ended and all before it have: in whatever order they are posted, none is
missing below the horizon once a batch was not full.
"""

from typing import NamedTuple
from uuid import UUID

from app.domain.audit.persons import ciphers_of, keep
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal

BATCH, BATCH_BYTES = 5_000, 10_000_000  # rows, and their bytes as PostgreSQL keeps them
LET = "SELECT set_config('litehouse.audit', 'posts', true)"
READY = """
SELECT place::text, person, bytes FROM (
    SELECT place, person, size, sum(size) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT place, person, size FROM audit_posting WHERE xid < $1 LIMIT $2
    ) AS few
) AS ready WHERE bytes - size < $3
"""
THESE = "FROM audit_posting WHERE place = ANY($1::text[]::tid[])"
ENTRY = "xid, position, at, relation, key, operation, actor, request_id, origin, before, after"
IS_PERSONAL = "coalesce(personal_before, personal_after) IS NOT NULL"
POST = f"""
WITH posted AS (
    INSERT INTO audit_entry ({ENTRY}) SELECT {ENTRY} {THESE} ORDER BY xid, position
), put_off AS (
    INSERT INTO audit_personal_pending (position, at, person, before, after)
    SELECT position, at, person, personal_before, personal_after {THESE} AND person = ANY($2::uuid[]) AND {IS_PERSONAL}
), gone AS (
    DELETE FROM audit_journal WHERE ctid = ANY($1::text[]::tid[])
)
SELECT position, at, person, personal_before::text, personal_after::text {THESE} AND person = ANY($3::uuid[])
AND {IS_PERSONAL}
"""  # noqa: S608 - of texts of ours


class Posted(NamedTuple):
    """How many were posted; whether more may be left below the horizon; whose keys did not open, and why."""

    count: int
    is_full: bool
    broken: dict[UUID, str]


async def post(work: UnitOfWork, seal: Seal, horizon: int) -> Posted:
    """Post a batch of transactions before the horizon; nobody else may be at it.

    Of persons who are gone, what is personal is dropped; of those whose key does not open it is put off.
    """
    rows = await work.fetch(READY, (horizon, BATCH, BATCH_BYTES))
    if not rows:
        return Posted(0, False, {})
    # First their keys, as a deletion goes: it waits for them, and then finds nothing in the journal, or it was first.
    persons = sorted({person for _, person, _ in rows if person})
    ciphers, broken = await ciphers_of(work, seal, persons) if persons else ({}, {})
    await work.fetch(LET, ())
    places = [place for place, _, _ in rows]
    await keep(work, ciphers, await work.fetch(POST, (places, list(broken), list(ciphers))))
    return Posted(len(rows), len(rows) == BATCH or rows[-1][2] >= BATCH_BYTES, broken)
