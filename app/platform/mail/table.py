"""The tables of mail: what waits or went out, and who gets none."""

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, Uuid, text

from app.platform.database.model import Base
from app.platform.sealing import SealedColumn

# `recipient` is NULL for nobody; `content` is sealed, and NULL once the mail went out or was given up.
mail = Table(
    "platform_mail",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("recipient", Text),
    Column("subject", Text, nullable=False),
    Column("content", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("handed_over_at", DateTime(timezone=True)),
    Column("failed_at", DateTime(timezone=True)),
    Column("error", Text),
    Index("ix_platform_mail_created_at", "created_at"),
    Index(
        "ix_platform_mail_id",
        "id",
        postgresql_where=text("handed_over_at IS NULL AND failed_at IS NULL AND recipient IS NOT NULL"),
    ),
)
# Addresses in lower case.
suppression = Table(
    "platform_mail_suppression",
    Base.metadata,
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)

CONTENT = SealedColumn("platform_mail", "id", "content")
