"""Importing a file of rows: tried out before it is done, by the same verbs, and then all of them or none."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol, cast
from zipfile import BadZipFile, ZipFile

from adminsite._http.importing import MAX_BYTES, rows_to_show, show_form
from adminsite._http.requests import find_view, read_form
from adminsite._http.urls import Urls
from adminsite._importing import ImportPlan, ImportProblem, ImportRow, build_plan, read_table
from adminsite.exceptions import AdminSiteError
from adminsite.i18n import gettext as _
from adminsite.i18n import ngettext
from adminsite.messages import add_message
from adminsite.permissions import Permission
from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.kit.identity import Viewer
from app.platform.admin.reading import ReadSession
from app.platform.admin.refusals import ERRORS, refusals
from app.platform.admin.saving import VerbSaver
from app.platform.admin.staff import viewer_of
from app.platform.database.work import UnitOfWork
from app.platform.jobs.job_work import JobWork

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin
    from app.platform.admin.site import Site

Table = Sequence[Sequence[str]]

AT_ONCE = 500  # rows that a request imports, or tries; more are a job's
MOST_UNPACKED = 10 * MAX_BYTES  # bytes of a workbook
AT_A_TIME = 100  # rows that are read and compared before others have their turn


class Uploads(Protocol):
    """Where files wait until their owners say that they are to be imported."""

    async def keep(self, viewer: Viewer, view: str, table: Table) -> str:
        """Keep one. Returns the name by which its owner comes back to it."""
        ...

    async def read(self, viewer: Viewer, view: str, token: str) -> Table | None:
        """A viewer's own, if it still waits."""
        ...

    @staticmethod
    async def take(work: UnitOfWork, view: str, token: str) -> Table | None:
        """The same, which is gone with this unit of work."""
        ...

    async def leave_to_job(self, viewer: Viewer, view: str, token: str) -> str:
        """Have a job import it. Returns the address where its progress is seen."""
        ...


class Tried(Exception):
    """All rows were tried, and nothing of it is to stay: no error, but what has the unit of work take it back."""


class NotImported(Exception):
    """Some row has a problem, and nothing was imported."""

    def __init__(self, plan: ImportPlan) -> None:
        self.plan = plan
        row = next(row for row in plan.rows if row.errors)
        super().__init__(f"row {row.number}: {'; '.join(row.errors.values())}")


async def import_preview(site: "Site", request: Request) -> Response:
    """Try a file out, and show what importing it would do."""
    view = cast("ModelAdmin[Any]", find_view(site, request))
    form = await read_form(request)
    await view._ensure(Permission.IMPORT, request=request)
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return await show_form(site, request, view, _("Choose a file to import."))
    if upload.size is not None and upload.size > MAX_BYTES:
        return await show_form(site, request, view, _("Keep the file under 20 MB."))
    try:
        table = await asyncio.to_thread(_read, upload.filename, await upload.read())
        _check_size(view, table)
        plan = await _tried(site.unit_of_work(viewer_of(request)), view, table, request)
    except ImportProblem as problem:
        return await show_form(site, request, view, str(problem))
    token = await site.uploads.keep(viewer_of(request), view.name, table)
    shown = {"view": view, "plan": plan, "shown": rows_to_show(plan), "token": token, "filename": upload.filename}
    return await site.render("import_preview.html", request, shown | {"most_tried": AT_ONCE})


async def import_records(site: "Site", request: Request) -> Response:
    """Import a file that was previewed: every row of it, or, where one is refused, none."""
    view = cast("ModelAdmin[Any]", find_view(site, request))
    await read_form(request)
    await view._ensure(Permission.IMPORT, request=request)
    viewer, token = viewer_of(request), request.path_params["token"]
    table = await site.uploads.read(viewer, view.name, token)
    if table is None:
        return _back(request, view, _expired())
    if len(table) - 1 > AT_ONCE:
        where = await site.uploads.leave_to_job(viewer, view.name, token)
        text = _("{count} rows are left to a job.", count=len(table) - 1)
        add_message(request, Markup('{} <a class="link" href="{}">{}</a>').format(text, where, _("See how far it is")))
        return RedirectResponse(Urls(request).list(view), status_code=303)
    work = site.unit_of_work(viewer)
    try:
        plan = await work.run(lambda: import_upload(site.uploads, work, view, token, request))
    except NotImported as refused:
        return _back(request, view, _nothing(refused.plan))
    if plan is None:
        return _back(request, view, _expired())
    add_message(request, _done(view, plan))
    return RedirectResponse(Urls(request).list(view), status_code=303)


async def import_upload(
    uploads: Any,
    work: JobWork,
    view: "ModelAdmin[Any]",
    token: str,
    request: Request,
    *,
    progress: Callable[[int, int], None] = lambda _step, _total: None,
) -> ImportPlan | None:
    """Take a file and do what it says; None where it was taken before. Raises NotImported, and then nothing is done."""
    table = await uploads.take(work, view.name, token)
    if table is None:
        return None
    plan = await plan_of(ReadSession(work.session), view, table, request)
    if plan.count("error"):
        raise NotImported(plan)
    for step, row in enumerate(plan.rows, 1):
        await _write(work, view, row, request)
        if row.errors:
            raise NotImported(plan)
        progress(step, len(plan.rows))
    return plan


async def plan_of(session: ReadSession, view: "ModelAdmin[Any]", table: Table, request: Request) -> ImportPlan:
    """What the file says of each row, in parts: adminsite compares them all at a go, without giving others a turn."""
    header, *body = table
    plan = await build_plan(view, session, [header, *body[:AT_A_TIME]], request=request)
    for start in range(AT_A_TIME, len(body), AT_A_TIME):
        part = await build_plan(view, session, [header, *body[start : start + AT_A_TIME]], request=request)
        for row in part.rows:
            row.number += start
        plan.rows += part.rows
        await asyncio.sleep(0)
    return plan


async def _tried(work: JobWork, view: "ModelAdmin[Any]", table: Table, request: Request) -> ImportPlan:
    """The plan, with what the verbs say of the first rows: these were all done, and all taken back."""
    plan: ImportPlan | None = None

    async def do() -> None:
        nonlocal plan
        plan = await plan_of(ReadSession(work.session), view, table, request)
        for row in plan.ready[:AT_ONCE]:
            await _write(work, view, row, request)
        raise Tried

    with suppress(Tried):
        await work.run(do)
    return cast("ImportPlan", plan)


async def _write(work: JobWork, view: "ModelAdmin[Any]", row: ImportRow, request: Request) -> None:
    """One row, in a savepoint: what PostgreSQL refuses must not be the end of the others. Its errors are the row's."""
    beside: dict[str, str] = {}
    setattr(request.state, ERRORS, beside)
    try:
        async with work.session.begin_nested():
            with refusals(request, row.values):
                await cast("VerbSaver", view._saver).written(work, row.key, row.values, request)
                await work.session.flush()
    except AdminSiteError as refused:
        row.errors.update(beside or {next(iter(row.raw)): str(refused)})


def _read(filename: str, data: bytes) -> Table:
    """The rows of a file. A workbook is a zip: what little would become very much is refused. Raises ImportProblem."""
    if data.startswith(b"PK"):
        with suppress(BadZipFile), ZipFile(BytesIO(data)) as package:
            if sum(part.file_size for part in package.infolist()) > MOST_UNPACKED:
                raise ImportProblem(_("This file could not be read as an Excel file."))
    return read_table(filename, data)


def _check_size(view: "ModelAdmin[Any]", table: Table) -> None:
    if len(table) - 1 > view.import_limit:
        raise ImportProblem(
            ngettext(
                "Import at most {count} row at a time.", "Import at most {count} rows at a time.", view.import_limit
            )
        )


def _back(request: Request, view: "ModelAdmin[Any]", why: str) -> Response:
    add_message(request, why, "error")
    return RedirectResponse(f"{Urls(request).list(view)}/import", status_code=303)


def _expired() -> str:
    return _("This import has expired. Choose the file again.")


def _nothing(plan: ImportPlan) -> str:
    wrong = plan.count("error")
    said = ngettext(
        "Nothing was imported: {count} row has a problem.", "Nothing was imported: {count} rows have a problem.", wrong
    )
    row = next(row for row in plan.rows if row.errors)
    return f"{said} {_('row {number}: {reason}', number=row.number, reason='; '.join(row.errors.values()))}"


def _done(view: "ModelAdmin[Any]", plan: ImportPlan) -> str:
    created = sum(1 for row in plan.rows if not row.key)
    changed = len(plan.rows) - created
    things = view.label_plural
    return _("Imported {created} new and changed {changed} {things}.", created=created, changed=changed, things=things)
