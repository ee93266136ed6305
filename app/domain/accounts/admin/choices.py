"""What several views of accounts have in common: what can be chosen, by whom, and how users are found."""

import re

from adminsite.fields import BaseField, RelationField
from sqlalchemy import ColumnElement, func, or_
from starlette.requests import Request

from app.domain.accounts.models import Group, User
from app.kit.identity import Permission
from app.platform.admin.staff import viewer_of
from app.platform.module import declared, installed
from config.modules import MODULES

DECLARED = declared(installed(MODULES))
PERMISSIONS = [(name, f"{name}: {permission.meaning}") for name, permission in DECLARED.items()]
INSIDE = re.compile(r"[^\W_]{3}")  # what the index of trigrams finds inside a text
GROUPS = RelationField("groups", target=Group, collection=True, form_only=True, required=False, record_title="{name}")


def is_like(term: str) -> ColumnElement[bool]:
    """Users whose name or address has this in it; of one or two letters, begins with it; of none, is it.

    So that an index finds them however many there are: that of trigrams knows nothing shorter than three letters
    inside a text, but its beginning.
    """
    part = term.lower()
    columns = func.lower(User.username), func.lower(User.email)
    if INSIDE.search(part):
        return or_(*(column.contains(part, autoescape=True) for column in columns))
    if part[:1].isalnum():
        return or_(*(column.startswith(part, autoescape=True) for column in columns))
    return or_(*(column == part for column in columns))


def shows(request: Request, field: BaseField, permission: Permission, *names: str) -> bool:
    """Whether the viewer may see this field, where one of these names has it."""
    return field.name not in names or viewer_of(request).may(permission)
