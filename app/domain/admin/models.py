"""The tables of the admin site: lists that staff come back to, and files that wait to be imported."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.accounts.models import User
from app.platform.database.model import Base


class SavedView(Base):
    """A list's search, filters, sort and columns, under its owner's name for it; where it is shared, others see it."""

    __tablename__ = "admin_saved_view"
    __table_args__ = (UniqueConstraint("owner_id", "view", "name"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    view: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]
    is_shared: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


Index("ix_admin_saved_view_view", SavedView.view, postgresql_where=text("is_shared"))


class Upload(Base):
    """A file of rows that was looked through and waits for its owner's word; it goes when it is done, or in a day."""

    __tablename__ = "admin_upload"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    view: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)  # zlib of JSON: a list of rows, each a list of texts
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
