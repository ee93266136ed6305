"""What became of records, told by the house's own trail: the site keeps no other, for the triggers have it all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from adminsite.audit import AuditEntry
from msgspec import Struct

from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.admin.belonging import Belonging
from app.platform.database.work import UnitOfWork


class Then(Struct, frozen=True):
    """A value of a record as it was and as it is, under the name of its column."""

    column: str
    then: str
    now: str


class Recordings(Protocol):
    """What the site's pages ask of whatever module keeps a trail."""

    async def find(self, table: str, key: str, after: After, belonging: Sequence[Belonging] = ()) -> Slice[AuditEntry]:
        """What became of a record and of what belongs to it, the latest first; by as many statements for any number.

        An entry's id is its position, and its view the name of its table.
        """
        ...

    def all_deleted(self, table: str) -> str:
        """The address, in the site, of the page with all rows of a table that were deleted."""
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
