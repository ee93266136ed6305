"""The tables of publishing: articles, their tags, favourites and comments, who follows whom, and what search reads."""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    ScalarSelect,
    SmallInteger,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

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
    # An article may have more than anybody looks at.
    newest_comments: Mapped[list["Comment"]] = relationship(
        primaryjoin=lambda: (Comment.article_id == Article.id) & Comment.id.in_(_newest()),
        order_by=lambda: Comment.id,
        viewonly=True,
        lazy="raise",
    )


Index("ix_publishing_article_author_id", Article.author_id, Article.id)
Index("ix_publishing_article_created_at", Article.created_at)


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

    article: Mapped[Article] = relationship(lazy="raise", viewonly=True)
    author: Mapped[User] = relationship(lazy="raise")


Index("ix_publishing_comment_article_id", Comment.article_id, Comment.id)


def _newest() -> ScalarSelect[int]:
    other = aliased(Comment)
    newest = select(other.id).where(other.article_id == Article.id).order_by(other.id.desc()).limit(50)
    return newest.correlate(Article).scalar_subquery()


class Document(Base):
    """What an article is found by: a trigger, `publishing_index`, writes it from the article's text."""

    __tablename__ = "publishing_document"

    article_id: Mapped[UUID] = mapped_column(ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True)
    lexemes: Mapped[str] = mapped_column(TSVECTOR)


Index(
    "ix_publishing_document_lexemes",
    Document.lexemes,
    postgresql_using="gin",
    postgresql_with={"gin_pending_list_limit": "512"},
)


class Word(Base):
    """A word that stands, or stood, in some title, in lower case and without accents; the same trigger adds it."""

    __tablename__ = "publishing_word"

    word: Mapped[str] = mapped_column(primary_key=True)


Index("ix_publishing_word_word", Word.word, postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"})
