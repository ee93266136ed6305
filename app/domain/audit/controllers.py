"""The doors of those who look into the trail."""

from typing import Annotated
from uuid import UUID

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domain.audit.permissions import READ_TRAIL
from app.domain.audit.schemas import EntryOut, NewRevert, RowOut
from app.domain.audit.services import ALWAYS, NEVER, AuditService, Filters, Trail
from app.kit.errors import Conflict
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.kit.schema import Moment
from app.platform.handlers import get, post

PATH = "/api/v1/audit"

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many to list at most")]
Cursor = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the list that this one follows")]
OfTable = Annotated[str | None, QueryParameter(name="table", max_length=63, description="Only those of this table")]
OfActor = Annotated[UUID | None, QueryParameter(name="actor", description="Only what this user did")]
OfRequest = Annotated[
    str | None, QueryParameter(name="request_id", max_length=128, description="Only what this request did")
]
Since = Annotated[Moment | None, QueryParameter(description="Only those at this moment or after it")]
Until = Annotated[Moment | None, QueryParameter(description="Only those before this moment")]
AsOf = Annotated[Moment, QueryParameter(description="At which moment")]


class AuditController(Controller):
    """The trail: what was changed, by whom, and what rows were."""

    @get("/entries", permission=READ_TRAIL)
    async def list_entries(
        self,
        trail: NamedDependency[Trail],
        *,
        of_table: OfTable = None,
        of_actor: OfActor = None,
        of_request: OfRequest = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 20,
        after: Cursor = None,
    ) -> Slice[EntryOut]:
        """List what was changed, the newest first.

        It is in the order in which the transactions began.
        """
        filters = Filters(of_table, of_actor, of_request, since or ALWAYS, until or NEVER)
        return await trail.entries(filters, After(limit, after))

    @get("/{table:str}/{key:str}", permission=READ_TRAIL)
    async def read_history(
        self,
        table: FromPath[str],
        key: FromPath[str],
        trail: NamedDependency[Trail],
        limit: Limit = 20,
        after: Cursor = None,
    ) -> Slice[EntryOut]:
        """Read what became of a row, the latest first.

        `key` is its primary key; where that has several columns, their values with commas between them.
        """
        return await trail.history(table, key, After(limit, after))

    @get("/{table:str}/{key:str}/row", permission=READ_TRAIL, refuses=(Conflict,))
    async def read_row_as_of(
        self, table: FromPath[str], key: FromPath[str], trail: NamedDependency[Trail], as_of: AsOf
    ) -> RowOut:
        """Read a row as it was at a moment.

        Columns whose changes are not recorded, such as counts, are what they are now.
        """
        return await trail.as_of(table, key, as_of)

    @post("/{table:str}/{key:str}/revert", permission=READ_TRAIL, status_code=204, refuses=(Conflict,))
    async def revert_row(
        self,
        table: FromPath[str],
        key: FromPath[str],
        data: JSONBody[NewRevert],
        viewer: NamedDependency[Viewer],
        audit: NamedDependency[AuditService],
    ) -> None:
        """Take a change of a row back, and all after it.

        The row's own module does it, by its own rules: what the viewer may not change there is not changed here.
        """
        await audit.revert(viewer, table, key, data.position)
