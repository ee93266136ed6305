"""The tables of the trail: what was changed, what of it is personal, by which keys, and the seals over all of it.

The triggers write into `audit_journal`, which has no index, and so costs whoever changes a row as little as can be.
From there a job posts into `audit_entry`, a minute or so later. Readers see both: `audit_trail`.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.audited import Row
from app.platform.database.model import Base


class Entry(Base):
    """A change of a row, or a table that was emptied; posted from the journal.

    `position` grows in the order in which changes of one row were made, `xid` is the transaction's number. Of an
    update, `before` and `after` have the columns that it changed. Who: `actor`, by the request `request_id`; `origin`
    is `request`, `job:…`, `event:…`, `command:…`, or `sql:` with the role and the application's name. In months:
    `auditlog_2026m11`.
    """

    __tablename__ = "audit_entry"

    xid: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    relation: Mapped[str]
    key: Mapped[str]
    operation: Mapped[str]
    actor: Mapped[UUID | None]
    request_id: Mapped[str | None]
    origin: Mapped[str]
    before: Mapped[Row | None] = mapped_column(JSONB)
    after: Mapped[Row | None] = mapped_column(JSONB)

    __table_args__ = {"postgresql_partition_by": "RANGE (at)"}  # noqa: RUF012 - SQLAlchemy's own name


Index("ix_audit_entry_relation", Entry.relation, Entry.key, Entry.position)
Index("ix_audit_entry_operation", Entry.operation, Entry.xid, Entry.position)
Index("ix_audit_entry_actor", Entry.actor, Entry.xid, Entry.position, postgresql_where=Entry.actor.is_not(None))
Index(
    "ix_audit_entry_request_id",
    Entry.request_id,
    Entry.xid,
    Entry.position,
    postgresql_where=Entry.request_id.is_not(None),
)


# What was written down in the transaction of the change, by the trigger function `audit_record` alone. Of a new row the
# row as it is, without secrets, and `args`, how the function was called; the view `audit_posting` works out of it what
# will be in the trail. Of other changes that stands here already. It has no key: one costs the writers an index.
journal = Table(
    "audit_journal",
    Base.metadata,
    Column("xid", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("relation", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("args", ARRAY(Text)),
    Column("key", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("person", Uuid),
    Column("personal_before", JSONB),
    Column("personal_after", JSONB),
)

# The view of all that was recorded. Of what is not posted yet the personal values are here, in plain.
trail = table(
    "audit_trail",
    *(column(one.name, one.type) for one in Entry.__table__.columns),
    column("person", Uuid),
    column("personal_before", JSONB),
    column("personal_after", JSONB),
)


class Personal(Base):
    """The personal values of an entry, encrypted with the key of the person whom they tell of."""

    __tablename__ = "audit_personal"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    person: Mapped[UUID]
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = {"postgresql_partition_by": "RANGE (at)"}  # noqa: RUF012 - SQLAlchemy's own name


class Pending(Base):
    """Personal values of entries that could not be encrypted when these were posted: the person's key did not open.

    With `xid`, that of the entry, it is sealed without them.
    """

    __tablename__ = "audit_personal_pending"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    person: Mapped[UUID] = mapped_column(index=True)
    before: Mapped[Row | None] = mapped_column(JSONB)
    after: Mapped[Row | None] = mapped_column(JSONB)
    xid: Mapped[int | None] = mapped_column(BigInteger)


Index("ix_audit_personal_pending_xid", Pending.xid, postgresql_where=Pending.xid.is_not(None))


class Key(Base):
    """A person's key, sealed; destroyed with the person, of whom it stays known that there is none to be made anew."""

    __tablename__ = "audit_key"

    person: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[bytes | None] = mapped_column(LargeBinary)
    destroyed_at: Mapped[datetime | None]


class Seal(Base):
    """Over the entries of a part (a partition), from where the seal before ended to `to_xid`, `to_position`.

    `leaves` has 40 bytes for each entry: its position and its hash, whose Merkle root is `root`. `head` is the hash of
    the head before it, of the root and of the rest; `mark` is the head again, by the installation's secret. One that
    tells of a part that was dropped `is_pruning`. One whose end is the end of the one before it is over entries that
    were sealed before, whose personal values were encrypted later. And one over nothing, to transaction 0, begins the
    count of transactions anew: for entries after `to_position`, in `part` and those after it.
    """

    __tablename__ = "audit_seal"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    part: Mapped[str]
    to_xid: Mapped[int] = mapped_column(BigInteger)
    to_position: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(Integer)
    leaves: Mapped[bytes] = mapped_column(LargeBinary)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    mark: Mapped[bytes] = mapped_column(LargeBinary)
    is_pruning: Mapped[bool] = mapped_column(server_default=text("false"))


Index("uq_audit_seal_id", Seal.id, unique=True)
Index("ix_audit_seal_part", Seal.part, Seal.number)
Index("ix_audit_seal_number", Seal.number, postgresql_where=Seal.to_xid == 0)
