"""Everything that leaves accounts: users and tokens as they are shown, and whose a token is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ARRAY, ColumnElement, Select, Text, case, exists, func, select, union_all

from app.domain.accounts.factor_schemas import SecondFactors
from app.domain.accounts.models import (
    Challenge,
    Grant,
    GroupPermission,
    Membership,
    Passkey,
    RecoveryCode,
    Token,
    Totp,
    User,
)
from app.domain.accounts.passkey_schemas import PasskeyOut
from app.domain.accounts.schemas import Account, TokenOut
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape, param


class Bearer(Struct, frozen=True, gc=False):
    """Whose a token is: the row of the token, and of its user what a Viewer knows."""

    id: UUID
    user_id: UUID
    permissions: list[str]
    is_superuser: bool
    scopes: list[str] | None
    is_session: bool
    is_guarded: bool
    proved_at: datetime | None


class SignIn(Struct, frozen=True, gc=False):
    """A session or a token that is good, as those see it who manage users."""

    id: UUID
    username: str
    is_session: bool
    name: str | None
    device: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class Authority(Struct, frozen=True, gc=False):
    """What an active user may, as it stands now."""

    permissions: list[str]
    is_superuser: bool


class Credentials(Struct, frozen=True, gc=False):
    """What a password is compared with; it never leaves the module."""

    id: UUID
    email: str
    password: str
    has_second_factor: bool


# By themselves and by their groups; a permission that comes both ways is there twice.
granted = select(Grant.permission).where(Grant.user_id == User.id).correlate(User)
by_groups = (
    select(GroupPermission.permission)
    .join(Membership, Membership.group_id == GroupPermission.group_id)
    .where(Membership.user_id == User.id)
    .correlate(User)
)
held = func.array(union_all(granted, by_groups).scalar_subquery(), type_=ARRAY(Text()))


@query(Shape(Bearer, Token, permissions=held, is_superuser=User.is_superuser, is_guarded=User.has_second_factor))
def bearer(q: Select, *, digest: bytes, used_after: datetime) -> Select:
    """Whose token has this digest: one that has neither expired nor lain idle, of a user who is active."""
    return q.join(Token.user).where(Token.digest == digest, User.is_active, *_is_live(used_after))


def _is_live(used_after: Any) -> tuple[ColumnElement[bool], ...]:
    return Token.expires_at > func.now(), Token.last_used_at > used_after


@query(Shape(Authority, User, permissions=held))
def authority(q: Select, *, user: UUID | None) -> Select:
    """What a user may who is active."""
    return q.where(User.id == user, User.is_active)


@query(Shape(Account, User))
def account(q: Select, *, user: UUID | None) -> Select:
    """A user, as they see themselves."""
    return q.where(User.id == user)


@query(Shape(Account, User))
def account_by_name(q: Select, *, username: str) -> Select:
    """The user of this name; upper and lower case are the same."""
    return q.where(func.lower(User.username) == func.lower(username))


@query(Shape(Credentials, User))
def credentials(q: Select, *, email: str) -> Select:
    """What the active user with this address signs in with; upper and lower case are the same."""
    return q.where(func.lower(User.email) == func.lower(email), User.is_active)


@query(Shape(Credentials, User))
def credentials_by_name(q: Select, *, username: str) -> Select:
    """The same of the active user of this name."""
    return q.where(func.lower(User.username) == func.lower(username), User.is_active)


@query(
    Shape(
        SecondFactors,
        User,
        totp=exists().where(Totp.user_id == User.id, Totp.confirmed),
        passkeys=select(func.count()).where(Passkey.user_id == User.id).scalar_subquery(),
        recovery_codes_left=select(func.count()).where(RecoveryCode.user_id == User.id).scalar_subquery(),
    )
)
def second_factors(q: Select, *, user: UUID | None) -> Select:
    """What second factors a user has."""
    return q.where(User.id == user)


def is_waiting(purpose: Any, digest: Any) -> tuple[ColumnElement[bool], ...]:
    """The question that waits, for this purpose, under this digest."""
    return Challenge.purpose == purpose, Challenge.digest == digest, Challenge.expires_at > func.now()


class Asking(Struct, frozen=True, gc=False):
    """Who was asked a question."""

    user_id: UUID | None


@query(Shape(Asking, Challenge))
def asked_of(q: Select, *, purpose: str, digest: bytes) -> Select:
    """Who was asked the question that waits under this digest."""
    return q.where(*is_waiting(purpose, digest))


@query(Shape(PasskeyOut, Passkey))
def passkeys_of(q: Select, *, user: UUID | None) -> Select:
    """A user's passkeys, the newest first."""
    return q.where(Passkey.user_id == user).order_by(Passkey.id.desc())


@query(Shape(TokenOut, Token, current=Token.id == param("credential", Token.id)), page=by(Token.id.desc()))
def live_tokens(
    q: Select,
    *,
    user: UUID | None,
    credential: UUID | None,  # noqa: ARG001 - the shape's
    used_after: datetime,
    session_used_after: datetime,
) -> Select:
    """A user's tokens and sessions that have neither expired nor lain idle, the newest first."""
    latest = case((Token.is_session, session_used_after), else_=used_after)
    return q.where(Token.user_id == user, *_is_live(latest))


@query(Shape(SignIn, Token, username=User.username), page=by(Token.id.desc()))
def sign_ins(q: Select, *, used_after: datetime, session_used_after: datetime, username: str | None = None) -> Select:
    """Everybody's, or a user's, tokens and sessions that have neither expired nor lain idle, the newest first."""
    latest = case((Token.is_session, session_used_after), else_=used_after)
    q = q.join(Token.user).where(*_is_live(latest))
    return q if username is None else q.where(func.lower(User.username) == func.lower(username))
