"""What the site itself reads: who is staff, and what those are called who acted."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, any_

from app.domain.accounts.models import User
from app.platform.statements.query import query
from app.platform.statements.shape import Shape


class StaffName(Struct, frozen=True, gc=False):
    """By what somebody who is staff is shown."""

    username: str


@query(Shape(StaffName, User))
def staff_name(q: Select, *, user: UUID | None) -> Select:
    """The name of a user who may enter the site."""
    return q.where(User.id == user, User.is_active, User.is_staff)


class Named(Struct, frozen=True, gc=False):
    """A user's name."""

    id: UUID
    username: str


@query(Shape(Named, User))
def names_of(q: Select, *, ids: list[UUID]) -> Select:
    """The names of these users."""
    return q.where(User.id == any_(ids))  # ty: ignore[invalid-argument-type] - a bind parameter stands for them
