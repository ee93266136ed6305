"""A list as a file, sent while it is read: by one cursor, of one moment, in memory that does not grow with the rows.

The database is asked as fast as it answers: what its reader has not yet taken waits on the disk, and a slow one holds
neither a slot nor a snapshot.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

import structlog
from adminsite._http.listing import read_list_request
from adminsite._http.requests import find_view
from adminsite.i18n import gettext as _
from adminsite.permissions import Permission
from adminsite.query import CountMode, QuerySpec
from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.kit.errors import Busy
from app.platform.admin.files import CsvFile, JsonLines, Workbook
from app.platform.admin.narrowing import require_right_filters
from app.platform.admin.spooling import ReadTooSlowly, Spool
from app.platform.admin.staff import viewer_of

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin
    from app.platform.admin.reading import ReadSession
    from app.platform.admin.site import Site

log = structlog.get_logger(__name__)

FORMAT = "format"
FORMATS = {"csv": CsvFile, "ndjson": JsonLines, "xlsx": Workbook}
AT_A_TIME = 500  # rows
MOST_AT_ONCE = 2  # that a process makes: each holds a slot, and pages need the others
MOST_SENT, MOST_OF_ONE = 8, 3  # that are sent at a time, and to one reader
LONGEST = 3600.0  # seconds that one is sent for
ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


class Download(StreamingResponse):
    """Sends a file while it is made, and gives back what the making holds however the sending ends."""

    def __init__(
        self, held: AsyncExitStack, made: AsyncGenerator[bytes], first: bytes, headers: dict[str, str], reader: object
    ) -> None:
        """`held`: what is given back. `first`: the part that was made already."""
        self._held, self._made, self._first, self._reader = held, made, first, reader
        self._spool = Spool()
        super().__init__(self._spool.parts(), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. To whom it is too slow to read, the answer is left broken off, so that it shows."""
        longest = asyncio.timeout(LONGEST)
        try:
            async with self._held, self._spool, asyncio.TaskGroup() as group:
                making = group.create_task(self._make())
                async with longest:
                    await super().__call__(scope, receive, send)
                making.cancel()  # whom it was made for has all of it, or has gone
        except ExceptionGroup as failed:
            if not longest.expired() and not isinstance(failed.exceptions[0], ReadTooSlowly):
                raise failed.exceptions[0] from None
            log.warning("an export is broken off: it is read too slowly", path=scope["path"], user=str(self._reader))

    async def _make(self) -> None:
        await self._spool.write(self._first)
        async for part in self._made:
            await self._spool.write(part)
        await self._spool.finish()


async def export_records(site: "Site", request: Request) -> Response:
    """The list as it is searched, narrowed and sorted, with the columns that its viewer sees; all of its rows."""
    view, reader = cast("ModelAdmin[Any]", find_view(site, request)), viewer_of(request).id
    await view._ensure(Permission.EXPORT, request=request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise HTTPException(403, _("Another site asked for this. Export it from its list."))
    kind = request.query_params.get(FORMAT, "csv")
    if kind not in FORMATS:
        raise HTTPException(404, _("There is no such page, or it is not for you."))
    require_right_filters(view, request)
    read = read_list_request(request, view)
    spec = view._reader.build_spec(
        request=request, search=read.search, filters=read.values, sort=read.sort, paths=read.columns
    ).replace(limit=None, count=CountMode.NONE, keyset=False)
    paths = view._pages.exported(read.columns or view._pages.list_fields(request), request)
    made_of = FORMATS[kind]
    headers = {"content-disposition": f'attachment; filename="{view.name}.{kind}"', "content-type": made_of.media_type}
    async with AsyncExitStack() as held:
        held.enter_context(_place(site, reader))
        made = await held.enter_async_context(aclosing(_made(site, view, spec, request, made_of(view, paths))))
        first = await anext(made)  # what fails at once fails before the answer has begun
        return Download(held.pop_all(), made, first, headers, reader)


@contextmanager
def _place(site: "Site", reader: object) -> Generator[None]:
    """One of the few: what is being sent lies on the disk. Raises Busy."""
    if site.downloads[reader] >= MOST_OF_ONE or site.downloads.total() >= MOST_SENT:
        raise Busy(_("Others are exporting. Try again in a while."), retry_after=30)
    site.downloads[reader] += 1
    try:
        yield
    finally:
        site.downloads[reader] -= 1
        if not site.downloads[reader]:
            del site.downloads[reader]  # of a reader who never comes back


async def _made(
    site: "Site", view: "ModelAdmin[Any]", spec: QuerySpec, request: Request, file: CsvFile | JsonLines | Workbook
) -> AsyncGenerator[bytes]:
    """The file's parts; each is written in a thread, because a batch of rows takes longer than the loop may stand."""
    async with _admitted(site), site.database.session() as session:
        await session.execute(ONE_MOMENT)
        statement = view._repository.statement(spec, view._scope_for(request))
        statement = statement.execution_options(yield_per=AT_A_TIME)
        found = await cast("ReadSession", session).session.stream_scalars(statement)
        async with aclosing(cast("AsyncGenerator[Sequence[Any]]", found.partitions(AT_A_TIME))) as batches:
            yield await asyncio.to_thread(file.begin)
            async for records in batches:
                await _complete(view, session, records, spec, request, file.paths)
                yield await asyncio.to_thread(file.rows, records)
    yield await asyncio.to_thread(file.end)


async def _complete(
    view: "ModelAdmin[Any]",
    session: Any,
    records: Sequence[Any],
    spec: QuerySpec,
    request: Request,
    paths: Sequence[str],
) -> None:
    await view._reader._hide_unseen(session, records, spec.paths, request)
    await view._reader.load_values(session, records, paths, request=request)


@asynccontextmanager
async def _admitted(site: "Site") -> AsyncGenerator[None]:
    if site.exports >= MOST_AT_ONCE:
        raise Busy(_("Others are exporting. Try again in a while."), retry_after=30)
    site.exports += 1
    try:
        yield
    finally:
        site.exports -= 1
