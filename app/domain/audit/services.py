"""The trail's front door: what became of rows, what they were, and their way back; the admin's pages read it too."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import Struct
from msgspec.structs import asdict

from app.domain.audit.actors import names_of, user_named
from app.domain.audit.differences import changes_of, rebuilt
from app.domain.audit.permissions import READ_TRAIL
from app.domain.audit.persons import decrypted
from app.domain.audit.queries import (
    FAR_BACK,
    FAR_BACK_BYTES,
    Recorded,
    entries_of,
    entries_of_several,
    newest_entries,
    row_since,
)
from app.domain.audit.schemas import EntryOut, Operation, RowOut
from app.kit.errors import Conflict, NotFound, found
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.audited import Audited, Row
from app.platform.database.work import Reader, Service, UnitOfWork
from app.platform.module import audited
from app.platform.sealing import Seal, Sealing

# With the permission, by which others guard what they show of the trail: this room is the front door.
__all__ = ["NEVER", "READ_TRAIL", "AuditService", "EntryOut", "Filters", "Trail", "provide_audit", "provide_trail"]

ALWAYS, NEVER = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Filters(Struct, frozen=True):
    """Which entries."""

    relation: str | None = None
    actor: UUID | None = None
    request_id: str | None = None
    since: datetime = ALWAYS
    until: datetime = NEVER
    operation: Operation | None = None


class Trail:
    """What was recorded, as it may be read: with the personal values of those who are still there."""

    def __init__(self, source: Reader | UnitOfWork, sealing: Sealing, declared: Mapping[str, Audited]) -> None:
        self._source = source
        self._sealing = sealing
        self._declared = declared

    async def entries(self, filters: Filters, after: After) -> Slice[EntryOut]:
        """Entries of all tables, the newest first."""
        return await self._shown(await newest_entries.after(self._source, after, **asdict(filters)))

    async def history(self, table: str, key: str, after: After) -> Slice[EntryOut]:
        """What became of a row, the latest first. Raises NotFound for a table that is not audited."""
        found(self._declared.get(table), "table")
        return await self._shown(await entries_of.after(self._source, after, relation=table, key=key))

    async def together(
        self, rows: Sequence[tuple[str, str]], linked: Sequence[str], key: str, after: After
    ) -> Slice[EntryOut]:
        """What became of rows, each a table and its key, in one list, the latest first.

        And of those of the `linked` tables whose keys begin with this one, whether they are there or not.
        """
        asked = {
            "relations": sorted({table for table, _ in rows}),
            "keys": sorted({row for _, row in rows}),
            "rows": [f"{table} {row}" for table, row in rows],
            "linked": list(linked),
            "begins": f"{key},",
            "ends": f"{key},{chr(sys.maxunicode)}",
        }
        return await self._shown(await entries_of_several.after(self._source, after, **asked))

    async def names(self, entries: Sequence[EntryOut]) -> dict[UUID, str]:
        """What those are called who made these changes, and are still there."""
        actors = list({entry.actor for entry in entries if entry.actor})
        return {one.id: one.username for one in await names_of.all(self._source, ids=actors)} if actors else {}

    async def actor(self, name: str) -> UUID:
        """Who is called so, or has this id, which stays known when they are gone. Raises NotFound."""
        try:
            return UUID(name)
        except ValueError:
            return found(await user_named.one(self._source, username=name), "actor").id

    async def as_of(self, table: str, key: str, moment: datetime) -> RowOut:
        """The row as it was then, rebuilt from what it is. Raises NotFound, Conflict where that cannot be known."""
        row, hidden = await self._row(found(self._declared.get(table), "table"), key, moment, None)
        return RowOut(table, key, moment, row, hidden)

    async def before(self, audited: Audited, key: str, position: int) -> Row:
        """The row as it was before a change of it, what is hidden left out. Raises NotFound, Conflict."""
        row, _ = await self._row(audited, key, None, position)
        return found(row, "row")

    async def _row(
        self, audited: Audited, key: str, moment: datetime | None, position: int | None
    ) -> tuple[dict[str, Any] | None, list[str]]:
        try:
            since = await row_since(self._source, audited, key, moment, position)
        except asyncpg.DataError as error:
            raise NotFound("row") from error
        if not since.is_whole:
            megabytes = FAR_BACK_BYTES // 1_000_000
            far = f"lies more than {FAR_BACK:,} changes, or {megabytes} MB of them, back: ask for a later moment"
            raise Conflict("asOf", far)
        if position is not None and not any(change.position == position for change in since.changes):
            raise NotFound("entry")
        is_known = since.row or since.changes
        if not is_known and not (await entries_of.one(self._source, relation=audited.table.name, key=key)):
            raise NotFound("row")
        is_sealed = any(change.ciphertext and change.person_key for change in since.changes)
        seal = await self._sealing.seal() if is_sealed else None
        return await asyncio.to_thread(rebuilt, audited, since, seal)

    async def _shown(self, entries: Slice[Recorded]) -> Slice[EntryOut]:
        personal = await self._personal(entries.items)
        shown = [
            EntryOut(
                entry.position,
                entry.at,
                entry.relation,
                entry.key,
                entry.operation,
                entry.actor,
                entry.request_id,
                entry.origin,
                changes_of(entry, personal.get(entry.position)),
            )
            for entry in entries.items
        ]
        return Slice(shown, entries.next)

    async def _personal(self, entries: Sequence[Recorded]) -> dict[int, tuple[Row, Row]]:
        """The personal values of entries, before and after, by position: of those that can be read."""
        known = {entry.position: waiting for entry in entries if (waiting := _waiting(entry))}
        if encrypted := [entry for entry in entries if entry.ciphertext and entry.person_key]:
            known.update(_opened(await self._sealing.seal(), encrypted))
        return known


def _waiting(entry: Recorded) -> tuple[Row, Row] | None:
    if entry.pending_before is None and entry.pending_after is None:
        return None
    return entry.pending_before or {}, entry.pending_after or {}


def _opened(seal: Seal, entries: Sequence[Recorded]) -> Iterator[tuple[int, tuple[Row, Row]]]:
    for entry in entries:
        person, key, ciphertext = entry.person, entry.person_key, entry.ciphertext
        if person and key and ciphertext and (values := decrypted(seal, person, key, entry.position, ciphertext)):
            yield entry.position, values


class AuditService(Service):
    """What those do who look after the trail."""

    def __init__(self, work: UnitOfWork, sealing: Sealing, declared: Mapping[str, Audited]) -> None:
        super().__init__(work)
        self.trail = Trail(work, sealing, declared)
        self._declared = declared

    async def revert(self, viewer: Viewer, table: str, key: str, position: int) -> None:
        """Make a row again what it was before a change, by its module's own verbs and rules.

        Raises NotFound, Conflict for a table whose module offers no such verb, and what that verb raises.
        """
        one = found(self._declared.get(table), "table")
        if one.revert is None:
            message = f"cannot be reverted: the module of {table} offers no way back"
            raise Conflict("table", message, code="irreversible")
        await one.revert(self.work, viewer, await self.trail.before(one, key, position))


def provide_trail(reader: NamedDependency[Reader], state: State) -> Trail:
    """The trail, read by a request."""
    return Trail(reader, state.resources.sealing, audited(state.modules))


def provide_audit(work: NamedDependency[UnitOfWork], state: State) -> AuditService:
    """The verbs over a request's unit of work."""
    return AuditService(work, state.resources.sealing, audited(state.modules))
