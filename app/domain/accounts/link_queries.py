"""What is read before a link is followed, and of all that accounts holds of a user."""

from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, false, func

from app.domain.accounts.links import Purpose
from app.domain.accounts.models import Link, Token, User
from app.domain.accounts.schemas import Account, LinkShare, TokenShare
from app.platform.statements.query import query
from app.platform.statements.shape import Shape, param


class Followed(Struct, frozen=True, gc=False):
    """A link that is good, and of its user what a new password must not be like."""

    user_id: UUID
    purpose: str
    email: str
    owner: Account
    is_guarded: bool


@query(Shape(Followed, Link, owner=Shape(Account, User), is_guarded=User.has_second_factor))
def live_link(q: Select, *, digest: bytes) -> Select:
    """The link with this digest that has not expired, of a user who is active."""
    return q.join(Link.user).where(Link.digest == digest, Link.expires_at > func.now(), User.is_active)


class Joining(Struct, frozen=True, gc=False):
    """The address that somebody may join with."""

    email: str


def is_to_join(digest: Any) -> tuple[ColumnElement[bool], ...]:
    """The link with this digest, if one can still join by it: it is nobody's, and about an address."""
    return Link.digest == digest, Link.purpose == Purpose.JOIN, Link.email != "", Link.expires_at > func.now()


@query(Shape(Joining, Link))
def link_to_join(q: Select, *, digest: bytes) -> Select:
    """Such a link."""
    return q.where(*is_to_join(digest))


class Owner(Struct, frozen=True, gc=False):
    """Of the user who asks: their address, and what their password is compared with."""

    id: UUID
    email: str
    password: str
    is_verified: bool


class Devices(Struct, frozen=True, gc=False):
    """Whether a user is signed in on any device, and on this one."""

    has_any: bool
    has_this: bool


is_this = func.bool_or(Token.device.is_not_distinct_from(param("device", Token.device)))


@query(Shape(Devices, Token, has_any=func.count() > 0, has_this=func.coalesce(is_this, false())))
def devices(q: Select, *, user: UUID | None, device: str | None) -> Select:  # noqa: ARG001 - the shape's
    """What is known of the devices that a user is signed in on."""
    return q.where(Token.user_id == user, Token.name.is_(None))


@query(Shape(Owner, User, is_verified=User.email_verified_at.is_not(None)))
def owner(q: Select, *, user: UUID | None) -> Select:
    """The active user with this id."""
    return q.where(User.id == user, User.is_active)


@query(Shape(TokenShare, Token))
def tokens_of(q: Select, *, user: UUID | None) -> Select:
    """All of a user's tokens, those that are no good any more too, the newest first."""
    return q.where(Token.user_id == user).order_by(Token.id.desc())


@query(Shape(LinkShare, Link))
def links_of(q: Select, *, user: UUID | None) -> Select:
    """All links that were mailed to a user and not followed, the newest first."""
    return q.where(Link.user_id == user).order_by(Link.created_at.desc())


class Key(Struct, frozen=True, gc=False):
    """Who it is."""

    id: UUID


@query(Shape(Key, User))
def who_has(q: Select, *, email: str) -> Select:
    """Whoever has this address, active or not; upper and lower case are the same."""
    return q.where(func.lower(User.email) == func.lower(email))
