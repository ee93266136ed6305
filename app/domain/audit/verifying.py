"""Whether the trail is what was sealed: each seal against the one before it, and each entry against its seal."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
from msgspec import Struct

from app.domain.audit.sealing import LEAVES
from app.domain.audit.seals import FIRST, SEALS, Link, root_of, unpacked
from app.platform.sealing import Seal, SealBroken

SEALED = """
SELECT number, id, at, part, to_xid, to_position, count, is_pruning, leaves, root, head, mark FROM audit_seal
WHERE number > $1 ORDER BY number LIMIT 1
"""
PRUNED = "SELECT part FROM audit_seal WHERE is_pruning"
IS_THERE = "SELECT to_regclass($1) IS NOT NULL"
NAMED = "SELECT format('%s %s: %s at %s', relation, key, operation, at) FROM {part} WHERE position = $1 LIMIT 1"
PRESENT = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass"
UNSEALED = "SELECT count(*) FROM {part} WHERE (xid, position) > ($1, $2)"
CHANGED, ADDED, MISSING = "was changed", "was added", "is missing"


class Progress(Struct):
    """How much was looked at."""

    seals: int = 0
    entries: int = 0
    pruned: int = 0
    unsealed: int = 0
    head: str = "none"


class _Sealed(NamedTuple):
    link: Link
    head: bytes
    mark: bytes


async def faults(
    connection: asyncpg.Connection, seal: Seal, progress: Progress, noted: str | None = None
) -> AsyncIterator[str]:
    """A line for all that is not as it was sealed; one seal is in memory at a time. `progress` is told meanwhile.

    `noted`: number and hash of a seal, as somebody has them from before.
    """
    pruned = {row[0] for row in await connection.fetch(PRUNED)}
    ends: dict[str, tuple[int, int]] = {}
    before, number, is_noted = FIRST, 0, noted is None
    while (found := await _next(connection, number)) is not None:
        link = found.link
        for fault in _own_faults(seal, found, before, number):
            yield f"seal {link.number}: {fault}"
        since = ends.get(link.part, (0, 0))
        if link.part in pruned:
            progress.pruned += link.count
        else:
            async for fault in _entries(connection, link, since):
                yield fault
            ends[link.part] = (link.to_xid, link.to_position)
            progress.entries += link.count
        before, number = found.head, link.number
        progress.seals += 1
        progress.head = f"{number}:{before.hex()}"
        is_noted = is_noted or progress.head == noted
    if not is_noted:
        yield f"seal {noted} is not there: it was changed, or those from it on were taken back"
    for row in await connection.fetch(PRESENT):
        progress.unsealed += await connection.fetchval(UNSEALED.format(part=row[0]), *ends.get(row[0], (0, 0)))


async def _next(connection: asyncpg.Connection, number: int) -> _Sealed | None:
    row = await connection.fetchrow(SEALED, number)
    if row is None:
        return None
    *_, head, mark = row
    fields: dict[str, Any] = {name: row[name] for name in Link.__struct_fields__}
    return _Sealed(Link(**fields), head, mark)


def _own_faults(seal: Seal, found: _Sealed, before: bytes, number: int) -> list[str]:
    """What is wrong with a seal by itself, and as the one that follows."""
    link = found.link
    leaves = [leaf for _, leaf in unpacked(link.leaves)]
    told = []
    if link.number != number + 1:
        told.append(f"those from {number + 1} to {link.number - 1} are missing")
    if link.root != root_of(leaves) or link.count != len(leaves):
        told.append("its root is not that of its leaves")
    if found.head != link.head(before):
        told.append("it was changed, or does not follow upon the one before it")
    try:
        if seal.open(found.mark, SEALS.place(link.id)) != found.head:
            told.append("it is not the one that the installation's secret vouches for")
    except SealBroken as error:
        told.append(f"the installation's secret does not vouch for it: {error}")
    return told


async def _entries(connection: asyncpg.Connection, link: Link, since: tuple[int, int]) -> AsyncIterator[str]:
    """The entries of a part against their leaves, from the end of the seal before it on."""
    if not await connection.fetchval(IS_THERE, link.part):
        yield f"seal {link.number}: {link.part}, the part that it is over, is missing"
        return
    sealed = dict(unpacked(link.leaves))
    rows = await connection.fetch(LEAVES.format(part=link.part), *since, link.to_xid, link.to_position)
    present: dict[int, bytes] = {row[0]: row[1] for row in rows}
    for position, times in Counter(row[0] for row in rows).items():
        if times > 1:  # one of them was put beside the other, and would hide behind it
            yield f"entry {position} {ADDED}, {times} times: seal {link.number}"
    for position in sorted(sealed.keys() | present.keys()):
        if sealed.get(position) != present.get(position):
            verdict = ADDED if position not in sealed else MISSING if position not in present else CHANGED
            name = await connection.fetchval(NAMED.format(part=link.part), position)
            yield f"entry {position}{f' ({name})' if name else ''} {verdict}: seal {link.number}"
