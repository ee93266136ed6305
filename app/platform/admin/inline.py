"""Rows of another model inside a record's form."""

from typing import TYPE_CHECKING, Any

from adminsite.views import Inline
from starlette.requests import Request

from app.platform.admin.seen import shown_within, within

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin


class Rows(Inline):
    """Rows of another model inside a record's form, which are changed by the verbs of their own `ModelAdmin`."""

    of: "type[ModelAdmin[Any]]"
    parent: str

    def __init__(self, relation: Any, of: "type[ModelAdmin[Any]]", *, parent: str, **options: Any) -> None:
        """`parent`: the name under which `of`'s `create` is given the record that the rows belong to."""
        super().__init__(relation, **options)
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "parent", parent)


def editable_inside(view: "ModelAdmin[Any]", rows: Inline, request: Request, record: Any, row: Any) -> list[str]:
    """What the record's form lets its editor change of a row inside it."""
    child = view._inline_views[rows.name]
    locked = view._pages.inline_readonly(rows, request, record) | set(child._pages.readonly_paths(request, row))
    return [path for path in child._pages.form_fields(request, row) if path not in locked]


def rows_shown(view: "ModelAdmin[Any]", request: Request, record: Any) -> dict[str, str]:
    """What the record's form shows of the rows inside it that its editor may change."""
    told: dict[str, str] = {}
    for rows in view.get_inlines(request, record):
        for row in getattr(record, rows.name, None) or ():
            if paths := editable_inside(view, rows, request, record, row):
                key = view._inline_views[rows.name]._fields.identity_of(row)
                told |= shown_within(row, paths, within(rows.name, key))
    return told
