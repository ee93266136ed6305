"""How room is made in the trail for what comes, and parts that are too old are dropped; no writer waits long for it.

Both need a lock that whoever reads the trail, and the job that posts, stand in the way of and wait behind: it is had at
once, or given up, and tried again later. Whoever changes a row writes into the journal alone.
"""

from datetime import UTC, date, timedelta

from app.domain.audit.sealing import RESTORED, TURN, Part, parts, restored, write_seal
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal

MONTHS_AHEAD = 3
IMPATIENT = "SET LOCAL lock_timeout = '100ms'"
MAKE_PARTITIONS = "SELECT audit_make_partitions($1)"
NEWEST = "SELECT max(at) FROM {part}"
# Whoever writes into it yet has committed before this is had: what is looked at then is all that there is.
LOCK = "LOCK TABLE {part} IN ACCESS EXCLUSIVE MODE"
IS_SEALED = "SELECT NOT EXISTS (SELECT FROM {part} WHERE (xid, position) > ($1, $2) AND position > $3)"
# Of entries that were sealed without: their persons' keys did not open, to the end.
DROP_PUT_OFF = """
DELETE FROM audit_personal_pending AS q USING {part} AS e WHERE (e.xid, e.position, e.at) = (q.xid, q.position, q.at)
"""
# As audit_0001 makes the first ones; by another name, for that of the old one stands in seals.
NEW_REST = (
    "CREATE TABLE {rest} PARTITION OF {parent} DEFAULT WITH (toast_tuple_target = 8160)",
    "CREATE TRIGGER emptied BEFORE TRUNCATE ON {rest} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)
KINDS = {"auditlog": "audit_entry", "auditpersonal": "audit_personal"}


async def make_room(work: UnitOfWork) -> None:
    """Make the parts of the coming months. Raises LockNotAvailableError."""
    await work.fetch(IMPATIENT, ())
    await work.fetch(MAKE_PARTITIONS, (MONTHS_AHEAD,))


async def prune(work: UnitOfWork, seal: Seal, before: date) -> str | None:
    """Drop a part that ended before that day, where all of it is sealed, and seal that it was done.

    Returns its name. Raises LockNotAvailableError.
    """
    if not (await work.fetch(TURN, ()))[0][0] or restored(await work.fetch(RESTORED, ())):
        return None
    await work.fetch(IMPATIENT, ())
    for part in await parts(work):
        if not await _is_old(work, part, before):
            continue
        await work.fetch(LOCK.format(part=part.name), ())
        is_sealed = (await work.fetch(IS_SEALED.format(part=part.name), part[1:]))[0][0]
        if is_sealed and await _is_old(work, part, before):
            await _drop(work, seal, part)
            return part.name
    return None


async def _is_old(work: UnitOfWork, part: Part, before: date) -> bool:
    """What has no month is as old as the newest in it."""
    if part.ends is not None:
        return part.ends <= before
    newest = (await work.fetch(NEWEST.format(part=part.name), ()))[0][0]
    return newest is not None and newest.astimezone(UTC).date() + timedelta(days=1) <= before


async def _drop(work: UnitOfWork, seal: Seal, part: Part) -> None:
    await work.fetch(DROP_PUT_OFF.format(part=part.name), ())
    number = await write_seal(work, seal, part, [], is_pruning=True)
    for prefix, parent in KINDS.items():
        await work.fetch(f"DROP TABLE {part.name.replace('auditlog', prefix)}", ())
        if part.ends is None:
            for statement in NEW_REST:
                await work.fetch(statement.format(rest=f"{prefix}_rest{number}", parent=parent), ())
