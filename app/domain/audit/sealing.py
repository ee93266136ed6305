"""How the trail is sealed: what is complete, in batches, each over the last.

A batch is of one part (a partition), in the order of transactions and positions, and ends below the oldest transaction
that still runs, of which all is posted: before its end nothing can come any more, so that a row which is there later
was not there before.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from app.domain.audit.persons import encrypt, put_off
from app.domain.audit.posting import post
from app.domain.audit.seals import BEGINS_ANEW, ENTRIES, FIRST, HASHED, SEALS, Link, packed, root_of
from app.kit.uuid7 import uuid7
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal

log = structlog.get_logger()

BATCH, BATCH_BYTES = 5_000, 10_000_000  # entries, and their bytes as PostgreSQL keeps them
LATE = 500  # entries at once whose personal values are encrypted after they were sealed
LOWEST, LAST = -(2**63), 2**63 - 1  # of transactions and of positions: nobody hides an entry by a number beyond these
TURN = f"SELECT pg_try_advisory_xact_lock({int.from_bytes(b'audit')})"
# A part goes by the transactions of this server alone: `since` the last place where their count began anew.
PARTS = f"""
SELECT c.relname::text, coalesce(s.to_xid, '{LOWEST}'), coalesce(s.to_position, '{LOWEST}'),
    coalesce(b.to_position, '{LOWEST}')
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
LEFT JOIN LATERAL (
    SELECT number, to_position FROM audit_seal WHERE {BEGINS_ANEW} AND part COLLATE "C" <= c.relname
    ORDER BY number DESC LIMIT 1
) AS b ON true LEFT JOIN LATERAL (
    SELECT to_xid, to_position FROM audit_seal WHERE part = c.relname AND number > coalesce(b.number, 0)
    ORDER BY number DESC LIMIT 1
) AS s ON true WHERE i.inhparent = 'audit_entry'::regclass ORDER BY 1
"""  # noqa: S608 - of texts of ours
BEGINNINGS = f"SELECT number, part, to_position FROM audit_seal WHERE {BEGINS_ANEW} ORDER BY number"  # noqa: S608 - too
# On one server, what is sealed is of transactions that had ended: none of them is still to come.
RESTORED = f"""
WITH begun AS (SELECT number, part FROM audit_seal WHERE {BEGINS_ANEW} ORDER BY number DESC LIMIT 1)
SELECT max(to_xid), pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM (
    SELECT part, to_xid FROM audit_seal WHERE number > coalesce((SELECT number FROM begun), 0)
    ORDER BY number DESC LIMIT 1000
) AS latest WHERE part COLLATE "C" >= coalesce((SELECT part FROM begun), '')
"""  # noqa: S608 - of texts of ours
HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
# No more than the bytes of one batch, or what one statement hashes would outlast its time-out.
READY = """
SELECT xid, position, bytes FROM (
    SELECT xid, position, size, sum(size) OVER (ORDER BY xid, position) AS bytes FROM (
        SELECT xid, position, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0) AS size
        FROM {part} WHERE (xid, position) > ($1, $2) AND xid < $3 AND position > $4 AND position <= $5
        ORDER BY xid, position LIMIT $6
    ) AS few
) AS ready WHERE bytes - size < $7 ORDER BY xid, position
"""
RANGE = """
(e.xid, e.position) > ($1, $2) AND (e.xid, e.position) <= ($3, $4) AND e.position > $5 AND e.position <= $6
"""
LEAVES = f"SELECT e.position, {HASHED} {ENTRIES} WHERE {RANGE} ORDER BY e.xid, e.position"
LATER = """
SELECT e.tableoid::regclass::text, e.xid, e.position FROM audit_personal_pending AS q
JOIN audit_entry AS e ON (e.xid, e.position, e.at) = (q.xid, q.position, q.at)
WHERE q.xid IS NOT NULL AND q.person = ANY($1::uuid[]) ORDER BY 1, 2, 3 LIMIT $2
"""
LATER_LEAVES = f"""
SELECT e.position, {HASHED} {ENTRIES} JOIN unnest($1::bigint[], $2::bigint[]) AS k (xid, position)
ON (e.xid, e.position) = (k.xid, k.position) ORDER BY e.position
"""
LATEST = "SELECT number, head FROM audit_seal ORDER BY number DESC LIMIT 1"
WRITE = """
INSERT INTO audit_seal (number, id, at, part, to_xid, to_position, count, is_pruning, leaves, root, head, mark)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
MONTHLY = re.compile(r"auditlog_(\d{4})m(\d{2})")


class Part(NamedTuple):
    """A partition of the trail, the last entry of it that is sealed, and the position from which it is gone by."""

    name: str
    xid: int
    position: int
    since: int = LOWEST

    @property
    def ends(self) -> date | None:
        """The first day after its month; None: it has no end."""
        month = MONTHLY.fullmatch(self.name)
        return (date(int(month[1]), int(month[2]), 1) + timedelta(days=31)).replace(day=1) if month else None


async def parts(work: UnitOfWork) -> list[Part]:
    """All that there are."""
    return [Part(*row) for row in await work.fetch(PARTS, ())]


def restored(rows: Sequence[Any]) -> str | None:
    """What `RESTORED` tells, where the trail is another server's."""
    [(sealed, now)] = rows
    if sealed is None or sealed < now:
        return None
    return (
        f"the trail was restored from another server, which had counted {sealed} transactions where this one has "
        f"counted {now}: nothing is sealed until `just audit-begin-anew`"
    )


async def seal_some(work: UnitOfWork, seal: Seal) -> bool:
    """Post a batch, or seal one of each part that has one once all is posted; whether more is left.

    Nothing while another process is at it.
    """
    if not (await work.fetch(TURN, ()))[0][0]:
        return False
    if fault := restored(await work.fetch(RESTORED, ())):
        log.error("the trail is not sealed", reason=fault)
        return False
    horizon = (await work.fetch(HORIZON, ()))[0][0]
    found = await parts(work)
    is_more, broken = await _seal_later(work, seal, {part.name: part for part in found})
    posted = await post(work, seal)
    broken |= posted.broken
    for part in found if not posted.is_full else ():
        batch = await seal_batch(work, seal, part, horizon)
        is_more = is_more or (batch is not None and batch.is_full)
        broken |= batch.broken if batch else {}
    for person, reason in broken.items():
        log.error("a key does not open, and what is personal waits in plain", person=str(person), reason=reason)
    return is_more or posted.is_full


class Batch(NamedTuple):
    """What was sealed of a part: it as it is now, how many; whether more may be left; whose keys did not open."""

    part: Part
    count: int
    is_full: bool
    broken: dict[UUID, str]


async def seal_batch(work: UnitOfWork, seal: Seal, part: Part, horizon: int, up_to: int = LAST) -> Batch | None:
    """Seal what follows in a part, of transactions before the horizon; None where nothing does."""
    span = (part.xid, part.position, horizon, part.since, up_to)
    ready = await work.fetch(READY.format(part=part.name), (*span, BATCH, BATCH_BYTES))
    if not ready:
        return None
    broken = await encrypt(work, seal, [(xid, position) for xid, position, _ in ready])
    to_xid, to_position, size = ready[-1]
    bounds = (part.xid, part.position, to_xid, to_position, part.since, up_to)
    leaves = [tuple(row) for row in await work.fetch(LEAVES.format(part=part.name), bounds)]
    sealed = part._replace(xid=to_xid, position=to_position)
    await write_seal(work, seal, sealed, leaves)
    return Batch(sealed, len(ready), len(ready) == BATCH or size >= BATCH_BYTES, broken)


async def _seal_later(work: UnitOfWork, seal: Seal, known: dict[str, Part]) -> tuple[bool, dict[UUID, str]]:
    """Encrypt what was passed over, of those whose key opens by now, and seal these entries once more, with it."""
    persons, broken = await put_off(work, seal)
    rows = await work.fetch(LATER, (persons, LATE)) if persons else []
    for name, group in groupby(rows, key=lambda row: row[0]):
        entries = [(xid, position) for _, xid, position in group]
        await encrypt(work, seal, entries)
        columns = tuple(map(list, zip(*entries, strict=True)))
        leaves = [tuple(row) for row in await work.fetch(LATER_LEAVES.format(part=name), columns)]
        await write_seal(work, seal, known[name], leaves)
    return len(rows) == LATE, broken


async def write_seal(
    work: UnitOfWork, seal: Seal, to: Part, leaves: Sequence[tuple[int, bytes]], *, is_pruning: bool = False
) -> int:
    """The next one, over these entries of a part and as far as that goes; returns its number."""
    last = await work.fetch(LATEST, ())
    number, before = last[0] if last else (0, FIRST)
    link = Link(
        number=number + 1,
        id=uuid7(),
        at=datetime.now(UTC),
        part=to.name,
        to_xid=to.xid,
        to_position=to.position,
        count=len(leaves),
        is_pruning=is_pruning,
        leaves=packed(leaves),
        root=root_of([leaf for _, leaf in leaves]),
    )
    head = link.head(before)
    told = (link.number, link.id, link.at, link.part, link.to_xid, link.to_position, link.count, link.is_pruning)
    await work.fetch(WRITE, (*told, link.leaves, link.root, head, seal.close(head, SEALS.place(link.id))))
    # Whoever keeps the log elsewhere can compare: nobody who has the database alone takes the latest seals back unseen.
    tell = {"number": link.number, "part": to.name, "entries": link.count, "head": head.hex()}
    work.after_commit(lambda: log.info("the trail is sealed", **tell))
    return link.number
