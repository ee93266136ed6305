"""The same change to many rows: a dialog in which one ticks fields and says what they are to hold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from adminsite.actions import Action
from adminsite.exceptions import RefusedError
from adminsite.fields import BooleanField
from adminsite.i18n import gettext as _
from adminsite.permissions import Permission, RequestAction
from sqlalchemy import inspect
from starlette.requests import Request

from app.kit.errors import found
from app.platform.admin.inputs import faults
from app.platform.database.work import UnitOfWork

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

TICK = "change_"  # before a field's name: the box that says that it is to change


def change_action(view: "ModelAdmin[Any]", request: Request) -> Action | None:
    """What offers it, to who may change these fields by the edit form; None where there are none."""
    writable = set(view._pages.form_fields(request, page=RequestAction.EDIT)) - set(view._pages.readonly_paths(request))
    inputs: list[Any] = []
    for path in view.bulk_fields:
        if path in writable:
            field: Any = view._fields.field_for(path)
            label = view._fields.label_for(path)
            inputs.append(BooleanField(f"{TICK}{path}", label=_("Change {field}", field=label), required=False))
            inputs.append(replace(field, required=False, default=None))
    if not inputs:
        return None
    return Action("change", _("Change"), "_change_selected", permission=Permission.EDIT, inputs=tuple(inputs))


def ticked(view: "ModelAdmin[Any]", inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is to change, as values that a job can be given. Raises RefusedError for nothing, and for wrong values."""
    given = {path: inputs[path] for path in view.bulk_fields if inputs.get(f"{TICK}{path}")}
    if not given:
        raise RefusedError(_("Tick the fields that are to change."))
    plain = {path: _plain(value) for path, value in given.items()}
    wrong = faults(view.schema, plain) if view.schema else {}
    if wrong:
        raise RefusedError("; ".join(f"{view._fields.label_for(path)}: {text}" for path, text in wrong.items()))
    return plain


def _plain(value: Any) -> Any:
    """JSON's types; of a record, its key."""
    state = inspect(value, raiseerr=False)
    if state is not None and hasattr(state, "identity"):
        return ",".join(map(str, state.identity))
    return msgspec.to_builtins(value)


async def meant(work: UnitOfWork, model: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the model holds them: of a key, the record in this unit of work. Raises NotFound."""
    mapper = inspect(model)
    values: dict[str, Any] = {}
    for path, value in given.items():
        if value is None:
            values[path] = None
        elif path in mapper.relationships:
            target = mapper.relationships[path].mapper
            key = _typed(target.primary_key[0], value)
            values[path] = found(await work.session.get(target.class_, key), path)
        else:
            values[path] = _typed(mapper.columns[path], value)
    return values


def _typed(column: Any, value: Any) -> Any:
    return msgspec.convert(value, column.type.python_type, strict=False)
