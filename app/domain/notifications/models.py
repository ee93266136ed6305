"""The tables of notifications: what users were told, and what they have chosen to be told of."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.accounts.models import User
from app.platform.database.model import Base


class Notification(Base):
    """What a user was told. Newest first is the order of its ids; it goes with the user, and with whoever did it."""

    __tablename__ = "notifications_notification"
    __table_args__ = (
        UniqueConstraint("user_id", "cause", "kind"),
        CheckConstraint("to_mail IN ('at_once', 'digest')", name="to_mail"),
        CheckConstraint("read_at IS NULL OR to_mail IS NULL", name="read"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    kind: Mapped[str]
    cause: Mapped[UUID]  # an event's id, or another by which it is known that the user was told already
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    text: Mapped[str]
    link: Mapped[str | None]
    in_inbox: Mapped[bool] = mapped_column(server_default=text("true"))  # else it is there to be mailed alone
    to_mail: Mapped[str | None]  # how it is still to be mailed; None: it is not, or was
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    read_at: Mapped[datetime | None]


is_unread = Notification.in_inbox & Notification.read_at.is_(None)

Index("ix_notifications_notification_user_id", Notification.user_id, Notification.id, postgresql_where=is_unread)
Index(
    "ix_notifications_notification_to_mail",
    Notification.to_mail,
    Notification.user_id,
    postgresql_where=Notification.to_mail.is_not(None),
)
Index(
    "ix_notifications_notification_read_at",
    Notification.read_at,
    postgresql_where=Notification.read_at.is_not(None),
)


class Preference(Base):
    """By which channels a user wants to be told of a kind, where that is not the kind's own default."""

    __tablename__ = "notifications_preference"
    __table_args__ = (CheckConstraint("mail IN ('none', 'at_once', 'digest')", name="mail"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    inbox: Mapped[bool | None]
    mail: Mapped[str | None]
