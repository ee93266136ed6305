"""Who acted: the names of users, and users by their names."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, any_, func

from app.domain.accounts.models import User
from app.platform.statements.query import query
from app.platform.statements.shape import Shape


class Named(Struct, frozen=True, gc=False):
    """A user's name."""

    id: UUID
    username: str


named = Shape(Named, User)


@query(named)
def names_of(q: Select, *, ids: list[UUID]) -> Select:
    """The names of these users."""
    return q.where(User.id == any_(ids))  # ty: ignore[invalid-argument-type] - a bind parameter stands for them


@query(named)
def user_named(q: Select, *, username: str) -> Select:
    """The user of this name."""
    return q.where(func.lower(User.username) == func.lower(username))
