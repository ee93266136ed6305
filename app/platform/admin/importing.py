"""Importing a file of rows: tried out before it is done, by the same verbs, and then all of them or none."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from adminsite._http.importing import MAX_BYTES, rows_to_show, show_form
from adminsite._http.requests import find_view, read_form
from adminsite._http.saved_views import owner_of
from adminsite._http.urls import Urls
from adminsite._importing import ImportPlan, ImportProblem, build_plan, load_plan, read_table, save_plan
from adminsite.exceptions import AdminSiteError
from adminsite.i18n import gettext as _
from adminsite.i18n import ngettext
from adminsite.messages import add_message
from adminsite.permissions import Permission
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.platform.admin.refusals import refusals
from app.platform.admin.staff import viewer_of
from app.platform.database.work import UnitOfWork

WHOLE = ""  # where what is wrong is not one cell


class Tried(Exception):
    """All rows were tried, and nothing of it is to stay: no error, but what has the unit of work take it back."""


async def import_preview(site: Any, request: Request) -> Response:
    """Try a file out, and show what importing it would do."""
    view = find_view(site, request)
    form = await read_form(request)
    await view._ensure(Permission.IMPORT, request=request)
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return await show_form(site, request, view, _("Choose a file to import."))
    if upload.size is not None and upload.size > MAX_BYTES:
        return await show_form(site, request, view, _("Keep the file under 20 MB."))
    try:
        table = read_table(upload.filename, await upload.read())
        _check_size(view, table)
        plan = await _tried(site, view, table, request)
    except ImportProblem as problem:
        return await show_form(site, request, view, str(problem))
    token = save_plan(view, owner_of(site, request), table)
    shown = {"view": view, "plan": plan, "shown": rows_to_show(plan), "token": token, "filename": upload.filename}
    return await site.render("import_preview.html", request, shown)


async def import_records(site: Any, request: Request) -> Response:
    """Import a file that was previewed: every row of it, or, where one is refused, none."""
    view = find_view(site, request)
    await read_form(request)
    await view._ensure(Permission.IMPORT, request=request)
    again = RedirectResponse(f"{Urls(request).list(view)}/import", status_code=303)
    table = load_plan(request.path_params["token"], view, owner_of(site, request))
    if table is None:
        add_message(request, _("This import has expired. Choose the file again."), "error")
        return again
    async with site.database.session() as session:
        plan = await build_plan(view, session, table, request=request)
        existing = await _existing(view, session, plan, request)
    if not plan.count("error"):
        work = site.unit_of_work(viewer_of(request))
        await _all_or_none(work, view, plan, existing, request)
    if wrong := plan.count("error"):
        add_message(request, _nothing(wrong), "error")
        return again
    add_message(request, _done(view, plan))
    return RedirectResponse(Urls(request).list(view), status_code=303)


async def _tried(site: Any, view: Any, table: Sequence[Sequence[str]], request: Request) -> ImportPlan:
    """The plan, with what the verbs say of each row; it was all done, and all taken back."""
    async with site.database.session() as session:
        plan = await build_plan(view, session, table, request=request)
        existing = await _existing(view, session, plan, request)
    work = site.unit_of_work(viewer_of(request))

    async def do() -> None:
        for row in plan.ready:
            await _try(work, view, row, existing, request)
        raise Tried

    with suppress(Tried):
        await work.run(do)
    return plan


async def _try(work: UnitOfWork, view: Any, row: Any, existing: dict[str, Any], request: Request) -> None:
    """One row, in a savepoint: what PostgreSQL refuses must not be the end of the others."""
    try:
        async with work.session.begin_nested():
            with refusals(request, row.values):
                await view._saver.written(work, existing.get(row.key), row.values)
                await work.session.flush()
    except AdminSiteError as refused:
        row.errors[WHOLE] = str(refused)


async def _all_or_none(
    work: UnitOfWork, view: Any, plan: ImportPlan, existing: dict[str, Any], request: Request
) -> None:
    async def do() -> None:
        for row in plan.rows:
            with refusals(request, row.values):
                try:
                    await view._saver.written(work, existing.get(row.key), row.values)
                    await work.session.flush()
                except Exception:
                    row.errors[WHOLE] = _("Refused.")
                    raise

    try:
        await work.run(do)
    except AdminSiteError as refused:
        row = next(row for row in plan.rows if row.errors)
        row.errors[WHOLE] = str(refused)


async def _existing(view: Any, session: Any, plan: ImportPlan, request: Request) -> dict[str, Any]:
    """The records that rows of the file change, by their keys."""
    found = {}
    for row in plan.rows:
        if row.key and not row.errors:
            paths = view._pages.load_paths(request)
            found[row.key] = await view._reader.fetch_record(session, row.key, paths=paths, request=request)
    return found


def _check_size(view: Any, table: Sequence[Sequence[str]]) -> None:
    if len(table) - 1 > view.import_limit:
        raise ImportProblem(
            ngettext(
                "Import at most {count} row at a time.", "Import at most {count} rows at a time.", view.import_limit
            )
        )


def _nothing(wrong: int) -> str:
    return ngettext(
        "Nothing was imported: {count} row has a problem.", "Nothing was imported: {count} rows have a problem.", wrong
    )


def _done(view: Any, plan: ImportPlan) -> str:
    created = sum(1 for row in plan.rows if not row.key)
    changed = len(plan.rows) - created
    things = view.label_plural
    return _("Imported {created} new and changed {changed} {things}.", created=created, changed=changed, things=things)
