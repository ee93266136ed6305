"""The pages of a record's history: what it was at a moment, and the way back."""

from datetime import UTC, datetime
from typing import Any

from adminsite._http.detail import detail
from adminsite._http.requests import find_view, load_or_404, read_form
from adminsite._http.urls import Urls
from adminsite.exceptions import RefusedError
from adminsite.i18n import gettext as _
from adminsite.messages import add_message
from adminsite.permissions import Permission
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.kit.errors import Invalid
from app.platform.admin.refusals import refusals
from app.platform.admin.staff import viewer_of

AS_OF = "as_of"


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
