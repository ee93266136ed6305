"""Whether the trail is what was sealed: each seal against the one before it, and each entry against its seal."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import asyncpg
import msgspec
from msgspec import Struct

from app.domain.audit.sealing import BEGINNINGS, LAST, LEAVES, LOWEST, RANGE, RESTORED, restored
from app.domain.audit.seals import (
    ENTRIES,
    FIRST,
    HASHED,
    SEALS,
    WITHOUT_PERSONAL,
    Link,
    root_of,
    unpacked,
)
from app.platform.sealing import Seal, SealBroken

SEALED = """
SELECT number, id, at, part, to_xid, to_position, count, is_pruning, leaves, root, head, mark FROM audit_seal
WHERE number > $1 ORDER BY number LIMIT 1
"""
IS_PRUNED = "SELECT EXISTS (SELECT FROM audit_seal WHERE part = $1 AND is_pruning)"
BARE = f"SELECT e.position, {HASHED} {WITHOUT_PERSONAL} WHERE {RANGE}"
AMONG = f"SELECT e.position, {HASHED} {ENTRIES} WHERE e.position = ANY($1::bigint[])"
NAMED = "SELECT format('%s %s: %s at %s', relation, key, operation, at) FROM {part} WHERE position = $1 LIMIT 1"
PRESENT = """
SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_entry'::regclass ORDER BY 1
"""
UNSEALED = "SELECT count(*) FROM {part} WHERE (xid, position) > ($1, $2) AND position > $3"
JOURNAL = "SELECT count(*) FROM audit_journal"
CHANGED, ADDED, MISSING = "was changed", "was added", "is missing"
LAST_OF_ALL = (LAST, LAST)


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


class _Beginning(NamedTuple):
    """The seal from which on, in its part and those after it, the entries behind a position were counted anew."""

    number: int
    part: str
    position: int


async def faults(
    connection: asyncpg.Connection, seal: Seal, progress: Progress, noted: str | None = None
) -> AsyncIterator[str]:
    """A line for all that is not as it was sealed; one seal is in memory at a time. `progress` is told meanwhile.

    `noted`: number and hash of a seal, as somebody has them from before.
    """
    if fault := restored(await connection.fetch(RESTORED)):
        yield fault
    entries = _Entries(connection, [_Beginning(*row) for row in await connection.fetch(BEGINNINGS)], progress)
    before, number, is_noted = FIRST, 0, noted is None
    while (found := await _next(connection, number)) is not None:
        for fault in _own_faults(seal, found, before, number):
            yield f"seal {found.link.number}: {fault}"
        async for fault in entries.faults(found.link):
            yield fault
        before, number = found.head, found.link.number
        progress.seals += 1
        progress.head = f"{number}:{before.hex()}"
        is_noted = is_noted or progress.head == noted
    if not is_noted:
        yield f"seal {noted} is not there: it was changed, or those from it on were taken back"
    async for fault in entries.rest():
        yield fault


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


class _Entries:
    """The entries against the seals over them: in each part from the end of one seal to that of the next."""

    def __init__(self, connection: asyncpg.Connection, begun: list[_Beginning], progress: Progress) -> None:
        self._connection = connection
        self._begun = begun
        self._progress = progress
        self._ends: dict[str, tuple[int, int]] = {}
        # The parts of entries that were sealed without what is personal in them, until a later seal is over that.
        self._bare: dict[int, str] = {}

    async def faults(self, link: Link) -> AsyncIterator[str]:
        """What is wrong with the entries that a seal is over."""
        try:
            async for fault in self._looked_at(link):
                yield fault
            self._progress.entries += link.count
        except asyncpg.UndefinedTableError:
            if not await self._connection.fetchval(IS_PRUNED, link.part):  # a moment ago, perhaps
                yield f"seal {link.number}: {link.part}, the part that it is over, is missing"
                return
            self._progress.pruned += link.count
            self._bare = {position: part for position, part in self._bare.items() if part != link.part}

    async def _looked_at(self, link: Link) -> AsyncIterator[str]:
        end = self._end(link.part)
        if link.is_pruning:
            return
        if link.begins_anew:
            found = self._begin(link)
        elif end == (link.to_xid, link.to_position):
            found = self._sealed_later(link)
        else:
            found = self._sealed(link, end)
        async for fault in found:
            yield fault

    async def _sealed(self, link: Link, end: tuple[int, int]) -> AsyncIterator[str]:
        span = (*end, link.to_xid, link.to_position, *self._positions(link.part, link.number))
        rows = await self._connection.fetch(LEAVES.format(part=_quoted(link.part)), *span)
        self._ends[link.part] = (link.to_xid, link.to_position)
        for position, times in Counter(row[0] for row in rows).items():
            if times > 1:  # one of them was put beside the other, and would hide behind it
                yield f"entry {position} {ADDED}, {times} times: seal {link.number}"
        wrong = _wrong(link, rows)
        if CHANGED in wrong.values():
            sealed = dict(unpacked(link.leaves))
            for position, leaf in await self._connection.fetch(BARE.format(part=_quoted(link.part)), *span):
                if wrong.get(position) == CHANGED and sealed[position] == leaf:
                    del wrong[position]
                    self._bare[position] = link.part
        for position, verdict in wrong.items():
            yield await self._named(link, position, verdict)

    async def _sealed_later(self, link: Link) -> AsyncIterator[str]:
        """Over entries that were sealed before, with what is personal in them."""
        positions = [position for position, _ in unpacked(link.leaves)]
        rows = await self._connection.fetch(AMONG.format(part=_quoted(link.part)), positions)
        for position in positions:
            self._bare.pop(position, None)
        for position, verdict in _wrong(link, rows).items():
            yield await self._named(link, position, verdict)

    async def _begin(self, link: Link) -> AsyncIterator[str]:
        """Of what is before, all was sealed."""
        for part in [row[0] for row in await self._connection.fetch(PRESENT) if row[0] >= link.part]:
            span = (*self._end(part), *LAST_OF_ALL, *self._positions(part, link.number - 1))
            for position, _ in await self._connection.fetch(LEAVES.format(part=_quoted(part)), *span):
                yield await self._named(msgspec.structs.replace(link, part=part), position, ADDED)
            self._ends.pop(part, None)

    async def rest(self) -> AsyncIterator[str]:
        """What no seal is over: told where it should be, and else counted."""
        for position, part in self._bare.items():
            yield f"entry {position} {CHANGED}: what is personal in it is under no seal ({part})"
        for row in await self._connection.fetch(PRESENT):
            since, _ = self._positions(row[0], LAST)
            with suppress(asyncpg.UndefinedTableError):  # dropped a moment ago
                span = (*self._end(row[0]), since)
                self._progress.unsealed += await self._connection.fetchval(UNSEALED.format(part=_quoted(row[0])), *span)
        self._progress.unsealed += await self._connection.fetchval(JOURNAL)

    def _end(self, part: str) -> tuple[int, int]:
        return self._ends.get(part, (LOWEST, LOWEST))

    def _positions(self, part: str, number: int) -> tuple[int, int]:
        """Behind which one the entries of a part are, and up to which, by whose count the seal of this number goes."""
        begun = [one for one in self._begun if one.part <= part]
        return (
            max((one.position for one in begun if one.number <= number), default=LOWEST),
            min((one.position for one in begun if one.number > number), default=LAST),
        )

    async def _named(self, link: Link, position: int, verdict: str) -> str:
        name = await self._connection.fetchval(NAMED.format(part=_quoted(link.part)), position)
        return f"entry {position}{f' ({name})' if name else ''} {verdict}: seal {link.number}"


def _quoted(part: str) -> str:
    """As the seal has it, which anybody may have written."""
    return '"' + part.replace('"', '""') + '"'


def _wrong(link: Link, rows: Sequence[Any]) -> dict[int, str]:
    """The positions whose leaf is not that of their row, and what became of it."""
    sealed, present = dict(unpacked(link.leaves)), {row[0]: row[1] for row in rows}
    return {
        position: ADDED if position not in sealed else MISSING if position not in present else CHANGED
        for position in sorted(sealed.keys() | present.keys())
        if sealed.get(position) != present.get(position)
    }
