"""What belongs to a record and stands in other tables: the rows inside its form, and its form's fields with tables.

What becomes of such rows is in the record's history. The trail finds entries by table and key. So of a field's table,
whose key begins with the record's, it finds all that there ever was; of rows inside a form, which have keys of their
own, it finds those that are there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from adminsite.exceptions import AdminSiteError
from adminsite.permissions import RequestAction
from sqlalchemy import Column, inspect
from starlette.requests import Request

from app.platform.admin.staff import viewer_of

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

MOST = 500  # rows inside a form whose history is asked for


class Belonging(NamedTuple):
    """Rows of a table, and what they are called on the record's page.

    `rows`: what each is called, by its key; None: all whose keys, of these `columns`, begin with the record's.
    """

    label: str
    table: str
    rows: Mapping[str, str] | None = None
    columns: Sequence[str] = ()


def check_belonging(view: "ModelAdmin[Any]") -> None:
    """Raises AdminSiteError for a column by which the trail does not find rows: their keys must begin with it."""
    for path, attribute in view.belonging:
        column = _column(attribute)
        if column is not next(iter(column.table.primary_key.columns)) or len(inspect(view.model).primary_key) > 1:
            message = f"{type(view).__name__}.belonging: the keys of {column.table.name} do not begin with the {path}'s"
            raise AdminSiteError(f"{message} record")


def belonging_to(view: "ModelAdmin[Any]", request: Request, record: Any) -> list[Belonging]:
    """What belongs to a record, of that which is recorded, as far as the viewer is shown it."""
    viewer = viewer_of(request)
    every = (*_inside(view, request, record), *fields_of(view, request))
    return [one for one in every if view.site.shows_history(viewer, one.table)]


def _inside(view: "ModelAdmin[Any]", request: Request, record: Any) -> Iterator[Belonging]:
    for inline in view.get_inlines(request, record):
        child = view._inline_views[inline.name]
        rows: Sequence[Any] = list(getattr(record, inline.name, None) or ())[-MOST:]
        label = next((one.label for one in view.site.views if one.model is child.model), child.label)
        keys = {child._fields.identity_of(row): row for row in rows}
        named = {
            key: child.get_record_title(row) if inline.record_title else f"{label} {key}" for key, row in keys.items()
        }
        table: Any = inspect(child.model).local_table
        yield Belonging(inline.label or view._fields.label_for(inline.name), table.name, named)


def fields_of(view: "ModelAdmin[Any]", request: Request) -> Iterator[Belonging]:
    """What stands in tables of their own and is shown as fields of the form, as far as the viewer is shown them."""
    for path, attribute in view.belonging:
        if view._pages.can_access_path(request, path, RequestAction.EDIT):
            table = _column(attribute).table
            yield Belonging(view._fields.label_for(path), table.name, None, [one.name for one in table.primary_key])


def _column(attribute: Any) -> Column[Any]:
    return attribute.property.columns[0]
