"""The tables of the event log, and an event as it lies there."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from app.platform.database.model import Base


class Envelope(msgspec.Struct, frozen=True):
    """An event with what the log knows of it: all that is needed by whoever hears of every kind.

    `correlation_id`: of the errand that the request belongs to, where that has an id of its own.
    """

    position: int
    id: UUID
    name: str
    subject: str
    at: datetime
    actor: UUID | None
    request_id: str | None
    correlation_id: str | None
    payload: msgspec.Raw


def _columns() -> list[Column]:
    return [
        Column("at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
        Column("name", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("actor", Uuid),
        Column("request_id", Text),
        Column("correlation_id", Text),
        Column("payload", JSONB, nullable=False),
    ]


# What was published and is not in the log yet: nearly always next to nothing. Their ids grow in the order in which
# they were written, whichever transaction did it.
outbox = Table(
    "platform_outbox",
    Base.metadata,
    Column("id", Uuid, primary_key=True, server_default=text("uuidv7()")),
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint"), index=True),
    *_columns(),
)

# In partitions of a week, `eventlog_2026w47`, so that what is old goes without a DELETE.
log = Table(
    "platform_event",
    Base.metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, index=True),
    *(Column(c.name, c.type, primary_key=c.name == "at", nullable=c.nullable) for c in _columns()),
    postgresql_partition_by="RANGE (at)",
)

# One row: the last position of the log. Whoever has it locked is the sequencer.
end = Table(
    "platform_event_end",
    Base.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, server_default=text("1")),
    Column("position", BigInteger, nullable=False),
)

# How far each subscriber is.
subscription = Table(
    "platform_subscription",
    Base.metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# What a subscriber failed at, and behind it all later events of the same subject.
held = Table(
    "platform_held",
    Base.metadata,
    Column("subscriber", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("error", Text),
    Column("is_dead", Boolean, nullable=False, server_default=text("false")),
    Index("ix_platform_held_subscriber", "subscriber", "subject", "position"),
)
