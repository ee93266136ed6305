"""FastAPI's peer: a declarative mapping of the tables that are there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import DateTime


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - as SQLAlchemy's pages write it


class User(Base):
    __tablename__ = "accounts_user"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    username: Mapped[str]
    email: Mapped[str]
    bio: Mapped[str | None]
    image: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class Token(Base):
    __tablename__ = "accounts_token"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"))
    digest: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class Article(Base):
    __tablename__ = "publishing_article"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str]
    body: Mapped[str]
    author_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"))
    favorites_count: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    author: Mapped[User] = relationship()
    tags: Mapped[list["Tagging"]] = relationship(order_by="Tagging.position")


class Tagging(Base):
    __tablename__ = "publishing_tagging"

    article_id: Mapped[UUID] = mapped_column(ForeignKey("publishing_article.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]


class Favorite(Base):
    __tablename__ = "publishing_favorite"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("publishing_article.id"), primary_key=True)


class Follow(Base):
    __tablename__ = "publishing_follow"

    follower_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"), primary_key=True)
    followed_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"), primary_key=True)


class OutboxEvent(Base):
    __tablename__ = "platform_outbox"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    name: Mapped[str]
    subject: Mapped[str]
    actor: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Comment(Base):
    __tablename__ = "publishing_comment"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey("publishing_article.id"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"))
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
