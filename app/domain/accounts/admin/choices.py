"""What several views of accounts have in common: what can be chosen, by whom, and how users are found."""

from adminsite.fields import BaseField, RelationField
from sqlalchemy import ColumnElement, func
from starlette.requests import Request

from app.domain.accounts.models import Group, User
from app.kit.identity import Permission
from app.platform.admin.staff import viewer_of
from app.platform.module import declared, installed
from config.modules import MODULES

DECLARED = declared(installed(MODULES))
PERMISSIONS = [(name, f"{name}: {permission.meaning}") for name, permission in DECLARED.items()]
GROUPS = RelationField("groups", target=Group, collection=True, form_only=True, required=False, record_title="{name}")


def is_like(term: str) -> ColumnElement[bool]:
    """Users whose name or address has this in it, by their trigrams."""
    part = term.lower()
    return func.lower(User.username).contains(part, autoescape=True) | func.lower(User.email).contains(
        part, autoescape=True
    )


def shows(request: Request, field: BaseField, permission: Permission, *names: str) -> bool:
    """Whether the viewer may see this field, where one of these names has it."""
    return field.name not in names or viewer_of(request).may(permission)
