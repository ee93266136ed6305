"""What leaves the house about notifications, and who has some to be mailed."""

# ruff: noqa: ARG001 - `user` is the argument of what is counted, too

from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, Subquery, func, literal_column, select

from app.domain.accounts.models import User
from app.domain.notifications.models import Notification, Preference, is_unread
from app.domain.notifications.schemas import (
    MOST_COUNTED,
    NotificationOut,
    NotificationShare,
    PreferenceShare,
    UnreadOut,
)
from app.kit.news import Mailing
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape, param

shown = Shape(NotificationOut, Notification, actor=User.username)


@query(shown, page=by(Notification.id.desc()))
def newest_notifications(q: Select, *, user: UUID | None) -> Select:
    """What a user was told, the newest first."""
    return _with_actor(q).where(Notification.user_id == user, Notification.in_inbox)


@query(shown, page=by(Notification.id.desc()))
def unread_notifications(q: Select, *, user: UUID | None) -> Select:
    """What a user has not read, the newest first."""
    return _with_actor(q).where(Notification.user_id == user, is_unread)


def _with_actor(q: Select) -> Select:
    return q.outerjoin(User, User.id == Notification.actor_id)


def unread_of_user(*conditions: ColumnElement[bool]) -> Subquery:
    """A user's unread notifications, as far as they are counted."""
    some = select(literal_column("1").label("one")).select_from(Notification)
    return (
        some.where(Notification.user_id == param("user", User.id), is_unread, *conditions)
        .limit(MOST_COUNTED)
        .subquery("unread")
    )


@query(Shape(UnreadOut, unread_of_user(), count=func.count()))
def unread_count(q: Select, *, user: UUID | None) -> Select:
    """How many notifications a user has not read."""
    return q


class Chosen(Struct, frozen=True, gc=False):
    """What a user has chosen of a kind; None: nothing."""

    kind: str
    inbox: bool | None
    mail: Mailing | None


@query(Shape(Chosen, Preference))
def choices_of(q: Select, *, user: UUID | None) -> Select:
    """What a user has chosen, of each kind that is not as everybody has it."""
    return q.where(Preference.user_id == user)


class Mailbox(Struct, frozen=True, gc=False):
    """Where a user gets mail."""

    email: str


@query(Shape(Mailbox, User))
def mailbox_of(q: Select, *, user: UUID) -> Select:
    """The address of a user who is active and has confirmed it; of others, none."""
    return q.where(User.id == user, User.is_active, User.email_verified_at.is_not(None))


class Reader(Struct, frozen=True, gc=False):
    """Who it is."""

    user_id: UUID


@query(Shape(Reader, Notification))
def readers_of_digests(q: Select, *, after: UUID, limit: int) -> Select:
    """The users behind this one who have something in the next digest, in the order of their ids."""
    waiting = q.where(Notification.to_mail == "digest", Notification.user_id > after)
    return waiting.distinct().order_by(Notification.user_id).limit(limit)


@query(Shape(NotificationShare, Notification, actor=User.username))
def told_to(q: Select, *, user: UUID) -> Select:
    """All that a user was told, the newest first."""
    return _with_actor(q).where(Notification.user_id == user).order_by(Notification.id.desc())


@query(Shape(PreferenceShare, Preference))
def chosen_by(q: Select, *, user: UUID) -> Select:
    """All that a user has chosen."""
    return q.where(Preference.user_id == user).order_by(Preference.kind)
