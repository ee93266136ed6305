"""How the trail goes on in another server than the one that it was restored from.

Its order is that of transactions, which each server counts by itself. All that is left of the former server's count is
sealed; then a seal tells that from there on, by positions, transactions are counted from the first again.
"""

from app.domain.audit.posting import post
from app.domain.audit.sealing import (
    BEGINNINGS,
    LAST,
    RESTORED,
    TURN,
    Part,
    parts,
    restored,
    seal_batch,
    write_seal,
)
from app.domain.audit.seals import unpacked
from app.kit.errors import Busy, Conflict
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal

SEALED_AT = "SELECT max(at) FROM audit_seal WHERE number > $1"
LEAVES_AFTER = "SELECT number, leaves FROM audit_seal WHERE number > $1 ORDER BY number LIMIT 100"
# No transaction of this server that could be seen has such a number: it is one of the former server's.
LAST_UNSEALED = """
SELECT coalesce(max(position), 0) FROM {part}
WHERE (xid, position) > ($1, $2) AND xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""


async def begin_anew(work: UnitOfWork, seal: Seal) -> int:
    """Seal what is left of the former server's count, and begin this one's; returns how many entries were left.

    Raises Conflict where the trail is this server's own, Busy while another process seals.
    """
    if not (await work.fetch(TURN, ()))[0][0]:
        raise Busy("another process seals at the moment", retry_after=1)
    if not restored(await work.fetch(RESTORED, ())):
        raise Conflict("trail", "goes by the transactions of this server: there is nothing to begin")
    while (await post(work, seal)).is_full:
        pass
    begun = max((row[0] for row in await work.fetch(BEGINNINGS, ())), default=0)
    # Parts of months that had ended by then have nothing of this server's.
    month = f"{(await work.fetch(SEALED_AT, (begun,)))[0][0]:auditlog_%Ym%m}"
    found = await parts(work)
    unsealed = [await work.fetch(LAST_UNSEALED.format(part=part.name), (part.xid, part.position)) for part in found]
    end = max(await _last_sealed(work, begun), *(rows[0][0] for rows in unsealed))
    left = sum([await _seal_rest(work, seal, part, end) for part in found])
    await write_seal(work, seal, Part(month, 0, end), [])
    return left


async def _last_sealed(work: UnitOfWork, number: int) -> int:
    last = 0
    while rows := await work.fetch(LEAVES_AFTER, (number,)):
        last = max([last, *(position for row in rows for position, _ in unpacked(row[1]))])
        number = rows[-1][0]
    return last


async def _seal_rest(work: UnitOfWork, seal: Seal, part: Part, end: int) -> int:
    """All transactions of the former server have ended."""
    count = 0
    while (batch := await seal_batch(work, seal, part, LAST, end)) is not None:
        part, count = batch.part, count + batch.count
    return count
