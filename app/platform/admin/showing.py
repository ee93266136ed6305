"""What the house's templates show of forms and lists besides what adminsite hands to them."""

from collections.abc import Mapping
from typing import Any

from adminsite._http.urls import Urls
from adminsite.fields import RelationField
from starlette.requests import Request

from app.platform.admin.dates import DateHierarchy, steps_of
from app.platform.admin.exporting import FORMAT, FORMATS
from app.platform.admin.inline import rows_shown
from app.platform.admin.narrowing import WRONG
from app.platform.admin.saving import CONFLICT
from app.platform.admin.seen import BESIDES, INPUT, TOLD, ChangedMeanwhile, Difference, shown


def of_form(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the form's editor sees of the record, so that another's change meanwhile is found; and what was found."""
    view, record = values["view"], values.get("record")
    found = differences(request, view, record)
    # What is wrong changes nothing of what was seen the first time; what was found is seen now.
    seen = "" if found else getattr(request.state, TOLD, "")
    if record is not None and not seen:
        besides, aside = getattr(request.state, BESIDES, {}), view.columns_shown(request)
        inside = rows_shown(view, request, record)
        seen = shown(record, view.editable_paths(request, record), besides, aside, inside)
    for row in values["rows"]:
        if record is not None and row.readonly and isinstance(row.field, RelationField) and not row.field.form_only:
            row.display = view._fields.display(record, row.path)  # adminsite names it by its class
    return {"seen_input": INPUT, "seen": seen, "differences": found}


def differences(request: Request, view: Any, record: Any) -> list[tuple[str, Difference]]:
    """What somebody else has changed meanwhile, each by its label; nothing where the form met no conflict."""
    conflict: ChangedMeanwhile | None = getattr(request.state, CONFLICT, None)
    return [(_label(view, record, one.path), one) for one in conflict.differences] if conflict else []


def _label(view: Any, record: Any, path: str) -> str:
    """Of a row inside the form, which one it is, too."""
    if "/" not in path:
        return view._fields.label_for(path)
    name, rest = path.split("/", 1)
    key, _, column = rest.rpartition("/")
    child = view._inline_views[name]
    rows = getattr(record, name, None) or ()
    title = next((child.get_record_title(one) for one in rows if child._fields.identity_of(one) == key), key)
    return f"{title} · {child._fields.label_for(column)}"


def of_list(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """The steps of its dates, which stand above it, not among its filters; and the formats that it is exported in.

    And what is wrong with its filters, each with its panel.
    """
    panels, faults = values["panels"], {one.field: one.text for one in getattr(request.state, WRONG, ())}
    steps = next((steps_of(panel) for panel in panels if isinstance(panel.filter, DateHierarchy)), None)
    besides: dict[str, Any] = {
        "panels": [panel for panel in panels if not isinstance(panel.filter, DateHierarchy)],
        "steps": steps,
        "wrong": [(panel, faults[panel.filter.name]) for panel in panels if panel.filter.name in faults],
    }
    if values.get("can_export"):
        urls, given = Urls(request), values["export_params"]
        addresses = [(kind.upper(), urls.export(values["view"], **{**given, FORMAT: kind})) for kind in FORMATS]
        besides |= {"exports": addresses, "can_export": False}  # adminsite's own button is of CSV alone
    return besides
