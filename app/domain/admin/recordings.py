"""The trail of the audit module, as the site shows it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from adminsite.audit import AuditEntry, AuditEvent

from app.domain.audit.services import NEVER, READ_TRAIL, AuditService, EntryOut, Trail
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.admin.belonging import Belonging
from app.platform.admin.figures import written
from app.platform.admin.recordings import Then
from app.platform.admin.wording import told
from app.platform.audited import Audited
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Sealing

EVENTS = {"insert": AuditEvent.CREATED, "update": AuditEvent.UPDATED, "delete": AuditEvent.DELETED}
HIDDEN = "•••"


class TrailOfRecords:
    """What became of records; each question is a statement, and one more for the names of those who acted."""

    def __init__(self, database: Database, sealing: Sealing, audited: Mapping[str, Audited]) -> None:
        self._database = database
        self._sealing = sealing
        self._audited = audited

    async def find(self, table: str, key: str, after: After, belonging: Sequence[Belonging] = ()) -> Slice[AuditEntry]:
        """What became of the record, and of what belongs to it, the latest first."""
        trail = self._trail()
        if belonging:
            linked = [one.table for one in belonging if one.rows is None]
            rows = [(table, key), *((one.table, row) for one in belonging for row in one.rows or ())]
            found = await trail.together(rows, linked, key, after)
        else:
            found = await trail.history(table, key, after)
        names = await trail.names(found.items)
        return Slice([_entry(entry, names) for entry in found.items], found.next)

    def all_deleted(self, table: str) -> str:
        """On the page of the whole trail."""
        return f"-/trail?{urlencode({'table': table, 'operation': 'delete'})}"

    def may_read(self, viewer: Viewer, table: str) -> bool:
        """Whether the table is recorded, and they may see the trail."""
        return table in self._audited and viewer.may(READ_TRAIL)

    def may_revert(self, viewer: Viewer, table: str) -> bool:
        """Whether its module offers a way back, and they may see the trail."""
        return self.may_read(viewer, table) and self._audited[table].revert is not None

    async def as_of(self, table: str, key: str, moment: datetime) -> list[Then]:
        """The record as it was; nothing where there was none."""
        trail = self._trail()
        was, now = await trail.as_of(table, key, moment), await trail.as_of(table, key, NEVER)
        if was.row is None:
            return []
        return [
            Then(name, HIDDEN if name in was.hidden else written(was.row.get(name)), written((now.row or {}).get(name)))
            for name in sorted({*was.row, *(now.row or {})})
        ]

    async def revert(self, work: UnitOfWork, table: str, key: str, position: int) -> None:
        """Make a record again what it was before an entry."""
        await AuditService(work, self._sealing, self._audited).revert(work.viewer, table, key, position)

    def _trail(self) -> Trail:
        return Trail(self._database.reader(), self._sealing, self._audited)


def _entry(entry: EntryOut, names: Mapping[UUID, str]) -> AuditEntry:
    who = names.get(entry.actor) or str(entry.actor) if entry.actor else told(entry.origin)
    changes = {change.column: (_shown(change, change.before), _shown(change, change.after)) for change in entry.changes}
    return AuditEntry(
        view=entry.table,
        record_key=entry.key,
        event=EVENTS.get(entry.operation, AuditEvent.ACTION),
        changes=changes,
        user=who,
        user_key=str(entry.actor or ""),
        occurred_at=entry.at,
        message=entry.origin if entry.actor else None,
        id=entry.position,
    )


def _shown(change: Any, value: Any) -> str:
    return HIDDEN if change.shown in {"masked", "unreadable"} else written(value, UTC)
