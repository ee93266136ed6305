"""What the house's templates show of forms and lists besides what adminsite hands to them."""

from collections.abc import Mapping
from typing import Any

from adminsite._http.urls import Urls
from adminsite.fields import RelationField
from starlette.requests import Request

from app.platform.admin.dates import DateHierarchy, steps_of
from app.platform.admin.exporting import FORMAT, FORMATS
from app.platform.admin.saving import CONFLICT
from app.platform.admin.seen import BESIDES, INPUT, TOLD, ChangedMeanwhile, Difference, shown


def of_form(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the form's editor sees of the record, so that another's change meanwhile is found; and what was found."""
    view, record, found = values["view"], values.get("record"), differences(request, values["view"])
    # What is wrong changes nothing of what was seen the first time; what was found is seen now.
    seen = "" if found else getattr(request.state, TOLD, "")
    if record is not None and not seen:
        besides, aside = getattr(request.state, BESIDES, {}), view.columns_shown(request)
        seen = shown(record, view.editable_paths(request, record), besides, aside)
    for row in values["rows"]:
        if record is not None and row.readonly and isinstance(row.field, RelationField) and not row.field.form_only:
            row.display = view._fields.display(record, row.path)  # adminsite names it by its class
    return {"seen_input": INPUT, "seen": seen, "differences": found}


def differences(request: Request, view: Any) -> list[tuple[str, Difference]]:
    """What somebody else has changed meanwhile, each by its label; nothing where the form met no conflict."""
    conflict: ChangedMeanwhile | None = getattr(request.state, CONFLICT, None)
    return [(view._fields.label_for(one.path), one) for one in conflict.differences] if conflict else []


def of_list(request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """The steps of its dates, which stand above it, not among its filters; and the formats that it is exported in."""
    panels = values["panels"]
    steps = next((steps_of(panel) for panel in panels if isinstance(panel.filter, DateHierarchy)), None)
    besides: dict[str, Any] = {
        "panels": [panel for panel in panels if not isinstance(panel.filter, DateHierarchy)],
        "steps": steps,
    }
    if values.get("can_export"):
        urls, given = Urls(request), values["export_params"]
        addresses = [(kind.upper(), urls.export(values["view"], **{**given, FORMAT: kind})) for kind in FORMATS]
        besides |= {"exports": addresses, "can_export": False}  # adminsite's own button is of CSV alone
    return besides
