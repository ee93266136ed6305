"""The tables of publishing: articles, their tags, favourites and comments, and who follows whom."""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.accounts.models import User
from app.platform.database.model import Base, Identified, Timestamped


class Article(Identified, Timestamped, Base):
    """What an author has published. Newest first is the order of its ids, which grow with time."""

    __tablename__ = "publishing_article"

    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str]
    body: Mapped[str]
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    favorites_count: Mapped[int] = mapped_column(server_default=text("0"))

    author: Mapped[User] = relationship(lazy="raise")


Index("ix_publishing_article_author_id", Article.author_id, Article.id)


class Tagging(Base):
    """A tag on an article, at its place in the list that the author gave."""

    __tablename__ = "publishing_tagging"

    article_id: Mapped[UUID] = mapped_column(ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger)


Index("ix_publishing_tagging_tag", Tagging.tag, Tagging.article_id)


class Favorite(Base):
    """A reader's favourite."""

    __tablename__ = "publishing_favorite"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True, index=True)


class Follow(Base):
    """One user reading whatever another publishes."""

    __tablename__ = "publishing_follow"
    __table_args__ = (CheckConstraint("follower_id <> followed_id", name="not_oneself"),)

    follower_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    followed_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True, index=True)


class Comment(Timestamped, Base):
    """What a reader says about an article."""

    __tablename__ = "publishing_comment"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    article_id: Mapped[UUID] = mapped_column(ForeignKey(Article.id, ondelete="CASCADE"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    body: Mapped[str]

    author: Mapped[User] = relationship(lazy="raise")


Index("ix_publishing_comment_article_id", Comment.article_id, Comment.id)
