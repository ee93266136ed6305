"""A record's history: what became of it and of what belongs to it, what it was at a moment, and the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adminsite._http.detail import HISTORY_LIMIT, detail
from adminsite._http.history import HistoryItem, describe
from adminsite._http.requests import find_view, load_or_404, read_form
from adminsite._http.urls import Urls
from adminsite.audit import AuditEntry
from adminsite.exceptions import RefusedError
from adminsite.i18n import gettext as _
from adminsite.messages import add_message
from adminsite.permissions import Permission
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.kit.errors import Invalid
from app.kit.pagination import After
from app.platform.admin.belonging import Belonging, belonging_to
from app.platform.admin.labels import Label
from app.platform.admin.refusals import refusals
from app.platform.admin.staff import viewer_of

AS_OF = "as_of"
SHOWN = 50  # entries on a page of the history alone


async def record_page(site: Any, request: Request) -> Response:
    """A record as it is; with `?as_of=` as it was, an ISO 8601 moment, in UTC where it names no zone."""
    if not (asked := request.query_params.get(AS_OF)):
        return await detail(site, request)
    view: Any = find_view(site, request)
    record = await load_or_404(site, view, request)
    await view._ensure(Permission.HISTORY, request=request, record=record)
    key, moment = view._fields.identity_of(record), _moment(asked)
    values = await site.recordings.as_of(view.table, key, moment)
    shown = {
        "view": view,
        "key": key,
        "heading": view.get_record_title(record),
        "moment": moment,
        "utc": UTC,
        "values": [(view.label_of(one.column), one) for one in values if view.may_show(request, one.column)],
    }
    return await site.render_template("house/as_of.html", request, shown)


async def of_record(site: Any, request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of a record shows of its history: the latest entries, and where the others are."""
    view, record = values["view"], values["record"]
    if not await view.allows(Permission.HISTORY, request=request, record=record):
        return {}
    shown = await _history(site, view, request, record, After(HISTORY_LIMIT, None))
    older = f"{Urls(request).detail(view, values['key'])}/history" if shown["next"] else None
    return shown | {"older_history": older}


async def history_page(site: Any, request: Request) -> Response:
    """All of a record's history, page by page, the latest first."""
    view: Any = find_view(site, request)
    record = await load_or_404(site, view, request)
    await view._ensure(Permission.HISTORY, request=request, record=record)
    after = After(SHOWN, request.query_params.get("after") or None)
    shown = await _history(site, view, request, record, after)
    key, title = view._fields.identity_of(record), view.get_record_title(record)
    shown |= {"view": view, "key": key, "heading": title, "is_later": after.cursor is not None}
    shown["can_edit"] = await view.allows(Permission.EDIT, request=request, record=record)
    return await site.render_template("house/history.html", request, shown)


async def _history(site: Any, view: Any, request: Request, record: Any, after: After) -> dict[str, Any]:
    belonging = belonging_to(view, request, record)
    key = view._fields.identity_of(record)
    found = await site.recordings.find(view.table, key, after, belonging)
    views = {one.table: one.name for one in reversed(list(site.views))} | {view.table: view.name}
    entries = [_named(entry, key, view, belonging, views) for entry in found.items]
    items = [_worded(item) for item in describe(site, entries, request)]
    # Of rows that are gone the trail cannot tell whose they were, without looking at all of it.
    urls, inside = Urls(request), [one for one in belonging if one.rows is not None]
    passed_over = [(one.label, urls.asset(site.recordings.all_deleted(one.table))) for one in inside]
    return {"history": items, "next": found.next, "passed_over": passed_over}


def _named(
    entry: AuditEntry, key: str, view: Any, belonging: Sequence[Belonging], views: Mapping[str, str]
) -> AuditEntry:
    """With the name of its table's view, and, where it is not of the record itself, what it is of."""
    table = entry.view
    named = replace(entry, view=views.get(table, ""))
    if table == view.table and entry.record_key == key:
        return named
    for one in belonging:
        if one.table == table and one.rows is not None and entry.record_key in one.rows:
            return replace(named, record_title=one.rows[entry.record_key])
        if one.table == table and one.rows is None:
            rest = entry.record_key.removeprefix(key).removeprefix(",")
            changes = {name: change for name, change in entry.changes.items() if name not in one.columns}
            return replace(named, record_title=f"{one.label}: {rest}" if rest else one.label, changes=changes)
    return named


def _worded(item: HistoryItem) -> HistoryItem:
    """What a table without a view calls its columns has its translation, too."""
    if item.entry.view:
        return item
    return replace(item, lines=[replace(line, label=str(Label(line.label))) for line in item.lines])


async def revert(site: Any, request: Request) -> Response:
    """Make a record again what it was before a change, by its module's own verb, and say what came of it."""
    form = await read_form(request)
    view: Any = find_view(site, request)
    viewer = viewer_of(request)
    record = await load_or_404(site, view, request)
    await view._ensure(Permission.HISTORY, request=request, record=record)
    await view._ensure(Permission.EDIT, request=request, record=record)
    key, position = view._fields.identity_of(record), str(form.get("position"))
    if not site.recordings.may_revert(viewer, view.table) or not position.isdecimal():
        raise HTTPException(404, _("There is no way back here."))
    work = site.unit_of_work(viewer)
    try:
        with refusals(request, ()):
            await work.run(lambda: site.recordings.revert(work, view.table, key, int(position)))
    except RefusedError as refused:
        add_message(request, str(refused), "error")
    else:
        add_message(request, _("{thing} is again what it was.", thing=view.get_record_title(record)))
    return RedirectResponse(Urls(request).detail(view, key), 303)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("asOf", "must be a date and a time, as 2026-11-22T08:30") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
