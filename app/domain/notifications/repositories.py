"""Everything that changes the rows of notifications, a statement each."""

from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Update,
    UpdateBase,
    case,
    cast,
    delete,
    func,
    literal_column,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.domain.accounts.models import User
from app.domain.notifications.models import Notification, Preference, is_unread
from app.domain.notifications.queries import shown, unread_of_user
from app.domain.notifications.schemas import NotificationOut, UnreadOut
from app.kit.news import Kind, News
from app.platform.database.work import UnitOfWork
from app.platform.statements.query import command
from app.platform.statements.shape import Shape

# Not "is not null", for which PostgreSQL would look through all that the user was ever told.
is_waiting = Notification.to_mail.in_(["at_once", "digest"])
# What nobody is to see any more is done with: it goes with what was read.
done_with: ColumnElement = case((Notification.in_inbox, Notification.read_at), else_=func.now())


# Both users are held while this goes on: one who is being deleted is waited for, and then nobody is told.
TELL = """
INSERT INTO notifications_notification (user_id, kind, cause, actor_id, text, link, in_inbox, to_mail)
SELECT reader.id, $2, $3, $4, $5, $6, channel.in_inbox, channel.to_mail
FROM accounts_user AS reader
LEFT JOIN notifications_preference AS chosen ON chosen.user_id = reader.id AND chosen.kind = $2
CROSS JOIN LATERAL (
    SELECT coalesce(chosen.inbox, $7) AS in_inbox, CASE
        WHEN reader.is_active AND reader.email_verified_at IS NOT NULL THEN nullif(coalesce(chosen.mail, $8), 'none')
    END AS to_mail
) AS channel
WHERE reader.id = $1 AND (channel.in_inbox OR channel.to_mail IS NOT NULL) AND (
    $4::uuid IS NULL OR EXISTS (SELECT FROM accounts_user WHERE id = $4 AND id <> $1 FOR KEY SHARE)
)
FOR KEY SHARE OF reader
ON CONFLICT DO NOTHING RETURNING to_mail
"""


async def tell(work: UnitOfWork, user: UUID, kind: Kind, cause: UUID, news: News) -> str | None:
    """Tell a user by the channels that they have chosen, and how it is to be mailed.

    Nothing is written where there is no channel, where they know it already, and where they did it themselves.
    """
    row = (user, kind.name, cause, news.actor, news.text, news.link, kind.inbox, kind.mail)
    told = await work.fetch(TELL, row)
    return told[0][0] if told else None


@command(shown)
def mark_read(shape: Shape[NotificationOut], *, user: UUID | None, notification: UUID) -> Select:
    """Have one of a user's notifications read, and show it."""
    marked = _own(user, notification).values(read_at=func.coalesce(Notification.read_at, func.now()), to_mail=null())
    return _shown(shape, marked)


@command(shown)
def mark_unread(shape: Shape[NotificationOut], *, user: UUID | None, notification: UUID) -> Select:
    """Have one of a user's notifications unread, and show it."""
    return _shown(shape, _own(user, notification).values(read_at=null()))


def _own(user: UUID | None, notification: UUID) -> Update:
    return update(Notification).where(
        Notification.user_id == user, Notification.id == notification, Notification.in_inbox
    )


def _shown(shape: Shape[Any], changed: Update) -> Select:
    rows = changed.returning(*Notification.__table__.columns).cte("changed")
    return shape.select(rows).outerjoin(User, User.id == rows.c.actor_id)


left = unread_of_user()


@command(Shape(UnreadOut, left, count=func.count()))
def mark_up_to(shape: Shape[UnreadOut], *, user: UUID | None, newest: UUID) -> Select:
    """Have all of a user's notifications read up to this one, and count those that are left."""
    marked = update(Notification).where(Notification.user_id == user, is_unread, Notification.id <= newest)
    marked = marked.values(read_at=func.now(), to_mail=null()).returning(Notification.id).cte("marked")
    unread = unread_of_user(Notification.id > newest)
    return select(*shape.columns).select_from(unread).add_cte(marked)


class Key(Struct, frozen=True, gc=False):
    """Which row there is."""

    id: UUID


@command(Shape(Key, Notification))
def remove(shape: Shape[Key], *, user: UUID | None, notification: UUID) -> UpdateBase:
    """Remove one of a user's notifications."""
    own = delete(Notification).where(Notification.user_id == user, Notification.id == notification)
    return own.where(Notification.in_inbox).returning(*shape.columns)


class Of(Struct, frozen=True, gc=False):
    """Whose row of which kind there is."""

    kind: str


@command(Shape(Of, Preference))
def choose(
    shape: Shape[Of], *, user: UUID | None, kind: str, inbox: bool | None = None, mail: str | None = None
) -> UpdateBase:
    """Keep by which channels a user wants to be told of a kind; None: by those that the kind says."""
    if inbox is None and mail is None:
        return delete(Preference).where(Preference.user_id == user, Preference.kind == kind).returning(*shape.columns)
    chosen = {"inbox": null() if inbox is None else inbox, "mail": null() if mail is None else mail}
    # By a mail's link, somebody may choose whose account is gone.
    columns: dict[str, Any] = {"user_id": User.id, "kind": kind, **chosen}
    reader = select(*columns.values()).where(User.id == user).with_for_update(read=True, key_share=True)
    made = insert(Preference).from_select([*columns], reader)
    made = made.on_conflict_do_update(index_elements=[Preference.user_id, Preference.kind], set_=chosen)
    return made.returning(*shape.columns)


@command(Shape(Key, Notification))
def recall(shape: Shape[Key], *, user: UUID | None, kind: str) -> UpdateBase:
    """Have nothing of a kind mailed to a user that is still to be."""
    waiting = update(Notification).where(Notification.user_id == user, Notification.kind == kind, is_waiting)
    return waiting.values(to_mail=null(), read_at=done_with).returning(*shape.columns)


class Item(Struct, frozen=True, gc=False):
    """What stands in a mail."""

    id: UUID
    actor: str | None
    text: str


@command(Shape(Item, Notification, actor=User.username))
def take(shape: Shape[Item], *, user: UUID, mailed: str | None = None) -> Select:
    """All that is still to be mailed to a user, or what is to be mailed in this way; from now on it is not."""
    waiting = update(Notification).where(Notification.user_id == user, is_waiting)
    if mailed is not None:
        waiting = waiting.where(Notification.to_mail == mailed)
    return _shown(shape, waiting.values(to_mail=null(), read_at=done_with))


# Longer than the tries of the job that mails it last.
LEFT = """
UPDATE notifications_notification SET to_mail = 'digest'
WHERE to_mail = 'at_once' AND created_at < now() - interval '2 hours'
"""


async def leave_to_digest(work: UnitOfWork) -> None:
    """Have in the next digest what was to be mailed at once and was not: the job that should have was given up."""
    await work.fetch(LEFT, ())


class Cleared(Struct, frozen=True, gc=False):
    """How many rows are gone."""

    count: int


@command(Shape(Cleared, Notification, count=func.count()))
def clear(shape: Shape[Cleared], *, days: int, limit: int) -> Select:
    """Remove what was read so many days ago, so much at once."""
    is_old = Notification.read_at < func.now() - func.make_interval(0, 0, 0, cast(days, Integer))
    old = select(Notification.user_id, Notification.id).where(is_old).order_by(Notification.read_at).limit(limit)
    rows = tuple_(Notification.user_id, Notification.id).in_(old)
    gone = delete(Notification).where(rows).returning(literal_column("1").label("one")).cte("gone")
    return select(*shape.columns).select_from(gone)
