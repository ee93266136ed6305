"""What became of records, told by the house's own trail: the site keeps no other, for the triggers have it all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from adminsite.audit import AuditEntry, AuditQuery
from msgspec import Struct

from app.kit.identity import Viewer
from app.platform.database.work import UnitOfWork


class Then(Struct, frozen=True):
    """A value of a record as it was and as it is, under the name of its column."""

    column: str
    then: str
    now: str


class Recordings(Protocol):
    """adminsite's store of entries, as whatever module keeps a trail offers it; and what its own pages ask besides."""

    async def record(self, entries: Sequence[AuditEntry]) -> None:
        """Nothing: who changes a row does not tell of it."""
        ...

    async def find(self, query: AuditQuery, *, limit: int) -> list[AuditEntry]:
        """What became of a record, the latest first; the id of an entry is its position."""
        ...

    def all_of(self, table: str, key: str) -> str:
        """The address, in the site, of the page with all that became of a record."""
        ...

    def may_read(self, viewer: Viewer, table: str) -> bool:
        """Whether the table is recorded, and they may see it."""
        ...

    def may_revert(self, viewer: Viewer, table: str) -> bool:
        """Whether its module offers a way back, and they may go it."""
        ...

    async def as_of(self, table: str, key: str, moment: datetime) -> list[Then]:
        """A record as it was. Raises NotFound, Conflict."""
        ...

    async def revert(self, work: UnitOfWork, table: str, key: str, position: int) -> None:
        """Make a record again what it was before an entry. Raises what its module's verb raises."""
        ...
