"""The tables of webhooks: who is told, by which secrets it is signed, and what became of each message."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.accounts.models import User
from app.platform.database.model import Base, Identified


class Endpoint(Identified, Base):
    """Where messages go, and of which events: names, `module.*`, or `*`.

    `failures`: rounds of late in which it did not answer, or was not well; until `rests_until` it is left alone. One
    that is deleted is disabled, too: nobody sees it any more, and a job forgets its messages, then the row.
    """

    __tablename__ = "webhooks_endpoint"

    url: Mapped[str]
    description: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    rests_until: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]


class Secret(Identified, Base):
    """What an endpoint's messages are signed with; one that was replaced signs beside its successor for a day."""

    __tablename__ = "webhooks_secret"

    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey(Endpoint.id, ondelete="CASCADE"), index=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime | None]


class Delivery(Identified, Base):
    """A message to one endpoint: its id there is the event's. What was asked and answered is of the last attempt."""

    __tablename__ = "webhooks_delivery"

    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey(Endpoint.id, ondelete="CASCADE"))
    event_id: Mapped[UUID]
    event: Mapped[str]
    occurred_at: Mapped[datetime]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
    due_at: Mapped[datetime | None] = mapped_column(server_default=text("now()"))
    first_at: Mapped[datetime | None]
    attempted_at: Mapped[datetime | None]
    milliseconds: Mapped[int | None] = mapped_column(Integer)
    url: Mapped[str | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[str | None]  # as JSON
    answer: Mapped[str | None]
    error: Mapped[str | None]

    __table_args__ = (CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),)


Index("ix_webhooks_delivery_endpoint_id", Delivery.endpoint_id, Delivery.id)
Index("ix_webhooks_delivery_state", Delivery.state, Delivery.endpoint_id, Delivery.id)
# What is due to one endpoint, however much is due to others. With its id each entry is unique.
Index(
    "uq_webhooks_delivery_endpoint_id",
    Delivery.endpoint_id,
    Delivery.due_at,
    Delivery.id,
    unique=True,
    postgresql_where=text("state = 'pending'"),
)
