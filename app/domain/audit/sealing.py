"""How the trail is sealed: what is complete, in batches, each over the last; and old parts of it are dropped.

A batch is of one part (a partition), in the order of transactions and positions, and ends below the oldest transaction
that still runs: before its end nothing can come any more, so that a row which is there later was not there before.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import structlog

from app.domain.audit.persons import encrypt
from app.domain.audit.seals import ENTRIES, FIRST, HASHED, SEALS, Link, packed, root_of
from app.kit.uuid7 import uuid7
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal

log = structlog.get_logger()

BATCH, BATCH_BYTES = 5_000, 10_000_000  # entries, and their bytes as PostgreSQL keeps them
TURN = f"SELECT pg_try_advisory_xact_lock({int.from_bytes(b'audit')})"
PARTS = """
SELECT c.relname::text, coalesce(s.to_xid, 0), coalesce(s.to_position, 0)
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid LEFT JOIN LATERAL (
    SELECT to_xid, to_position FROM audit_seal WHERE part = c.relname ORDER BY number DESC LIMIT 1
) AS s ON true WHERE i.inhparent = 'audit_entry'::regclass ORDER BY 1
"""
# No more than the bytes of one batch, or what one statement hashes would outlast its time-out.
READY = """
SELECT xid, position, bytes FROM (
    SELECT xid, position, size, sum(size) OVER (ORDER BY xid, position) AS bytes FROM (
        SELECT xid, position, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0) AS size
        FROM {part} WHERE (xid, position) > ($1, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        ORDER BY xid, position LIMIT $3
    ) AS few
) AS ready WHERE bytes - size < $4 ORDER BY xid, position
"""
LEAVES = f"""
SELECT e.position, {HASHED} {ENTRIES}
WHERE (e.xid, e.position) > ($1, $2) AND (e.xid, e.position) <= ($3, $4) ORDER BY e.xid, e.position
"""
LAST = "SELECT number, head FROM audit_seal ORDER BY number DESC LIMIT 1"
WRITE = """
INSERT INTO audit_seal (number, id, at, part, to_xid, to_position, count, is_pruning, leaves, root, head, mark)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
MAKE_PARTITIONS = "SELECT audit_make_partitions($1)"
MONTHS_AHEAD = 3
IS_SEALED = "SELECT NOT EXISTS (SELECT FROM {part} WHERE (xid, position) > ($1, $2))"
MONTHLY = re.compile(r"auditlog_(\d{4})m(\d{2})")


class Part(NamedTuple):
    """A partition of the trail, and the last entry of it that is sealed."""

    name: str
    xid: int
    position: int

    @property
    def ends(self) -> date | None:
        """The first day after its month; None: it has no end."""
        month = MONTHLY.fullmatch(self.name)
        return (date(int(month[1]), int(month[2]), 1) + timedelta(days=31)).replace(day=1) if month else None


async def parts(work: UnitOfWork) -> list[Part]:
    """All that there are."""
    return [Part(*row) for row in await work.fetch(PARTS, ())]


async def seal_some(work: UnitOfWork, seal: Seal) -> bool:
    """Seal a batch of each part that has one; whether more is left. Nothing while another process is at it."""
    if not (await work.fetch(TURN, ()))[0][0]:
        return False
    is_more = False
    for part in await parts(work):
        ready = await work.fetch(READY.format(part=part.name), (part.xid, part.position, BATCH, BATCH_BYTES))
        if ready:
            await encrypt(work, seal, [row[1] for row in ready])
            to_xid, to_position, size = ready[-1]
            bounds = (part.xid, part.position, to_xid, to_position)
            leaves = [tuple(row) for row in await work.fetch(LEAVES.format(part=part.name), bounds)]
            await _write(work, seal, Part(part.name, to_xid, to_position), leaves)
            is_more = is_more or len(ready) == BATCH or size >= BATCH_BYTES
    return is_more


async def prune(work: UnitOfWork, seal: Seal, before: date) -> list[str]:
    """Drop the parts that ended before that day, where all of them is sealed, and seal that it was done."""
    if not (await work.fetch(TURN, ()))[0][0]:
        return []
    dropped = []
    for part in await parts(work):
        if part.ends is None or part.ends > before:
            continue
        if (await work.fetch(IS_SEALED.format(part=part.name), (part.xid, part.position)))[0][0]:
            for table in (part.name, part.name.replace("auditlog", "auditpersonal")):
                await work.fetch(f"DROP TABLE {table}", ())
            await _write(work, seal, part, [], is_pruning=True)
            dropped.append(part.name)
    return dropped


async def _write(
    work: UnitOfWork, seal: Seal, to: Part, leaves: Sequence[tuple[int, bytes]], *, is_pruning: bool = False
) -> None:
    last = await work.fetch(LAST, ())
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
