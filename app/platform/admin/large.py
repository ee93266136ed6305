"""What a view of a large table must not do: order, narrow or search by what no index serves."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from adminsite import ModelView
from adminsite.exceptions import AdminSiteError
from adminsite.filters import TextFilter
from sqlalchemy import inspect

from app.platform.admin.listing import leading_columns

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin


def check(view: "ModelAdmin[Any]") -> None:
    """See that an index serves whatever the view offers, and offer to sort by such columns alone.

    A filter of one's own says so itself, by `is_served`.

    Raises AdminSiteError, with all that would scan the table.
    """
    served = _served(view.model)
    filters = [item for item in view._settings.list_filters if not getattr(item, "is_served", False)]
    narrowed = [item.path for item in filters]
    sorts = [sort.path for sort in view._settings.fields_default_sort]
    faults = [f"no index begins with {path}" for path in (*narrowed, *sorts) if path not in served]
    faults += [f"{f.name} looks inside texts" for f in filters if isinstance(f, TextFilter)]
    if view._settings.searchable_fields and type(view).search_condition is ModelView.search_condition:
        faults.append("searchable_fields look inside texts: override search_condition by one that an index serves")
    if faults:
        message = f"{type(view).__name__} says large = True, but {'; '.join(faults)}"
        raise AdminSiteError(message)
    if view._settings.sortable_fields is None:
        view._settings.sortable_fields = tuple(path for path in view._settings.candidates if path in served)


def _served(model: type[Any]) -> set[str]:
    """The paths that an index begins with: columns, and links by the columns that they stand on."""
    mapper = inspect(model)
    leading = leading_columns(model)
    columns = {mapper.get_property_by_column(column).key for column in leading}
    links: Iterable[Any] = mapper.relationships
    return columns | {link.key for link in links if link.local_columns and link.local_columns <= leading}
