"""Totals that cost neither a count(*) nor a row that every writer updates: counters in shards, kept by triggers."""

from sqlalchemy import BigInteger, Column, DateTime, SmallInteger, Table, Text, bindparam, cast, func, select, text
from sqlalchemy.sql.elements import ColumnElement

from app.platform.database.model import Base

# One row per counted table, key and shard; the trigger `platform_count` writes to the shard of its own backend, so
# that two writers seldom meet on one row. `created_at` says when a key was first counted.
counter = Table(
    "platform_counter",
    Base.metadata,
    Column("name", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("shard", SmallInteger, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)


def total_of(table: str, key: ColumnElement[str] | str = "") -> ColumnElement[int]:
    """How many rows the table has, or how many with this key, as a scalar: the sum of at most sixteen rows."""
    key = bindparam(None, key, type_=Text()) if isinstance(key, str) else key
    rows = select(func.coalesce(func.sum(counter.c.value), 0)).where(counter.c.name == table, counter.c.key == key)
    return cast(rows.scalar_subquery(), BigInteger)
