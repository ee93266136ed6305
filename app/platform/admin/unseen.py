"""Links to records that the editor of a form may not see: the form cannot show them, so it must not take them away."""

from collections.abc import Mapping, Sequence
from typing import Any

from adminsite import ModelView
from adminsite.fields import RelationField
from adminsite.permissions import Permission
from adminsite.views._linked_names import is_unseen
from starlette.requests import Request

from app.platform.admin.staff import viewer_of


def keep_unseen(view: ModelView[Any]) -> None:
    """Have the forms of a view's records only show such links; else who saves one would empty them unknowingly."""
    pages: Any = view._pages
    told = pages.readonly_paths

    def readonly_paths(request: Request, record: Any = None) -> Sequence[str]:
        locked = tuple(told(request, record))
        if record is None:
            return locked
        rest = [path for path in pages.form_fields(request, record) if path not in locked]
        return (*locked, *(path for path in rest if _is_unseen(view, request, vars(record), path)))

    pages.readonly_paths = readonly_paths


def _is_unseen(view: ModelView[Any], request: Request, loaded: Mapping[str, Any], path: str) -> bool:
    """Whether the viewer may not see what it links to at all, or not what this record links to."""
    item = view._fields.field_for(path)
    if not isinstance(item, RelationField) or view._views is None:
        return False
    target: Any = view._views.for_relation(item)
    if target is not None and not target.access.allows(viewer_of(request), Permission.VIEW):
        return True
    linked = loaded.get(path)
    return any(is_unseen(one) for one in (linked if isinstance(linked, list | set | tuple) else [linked]))
