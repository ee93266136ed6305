"""Articles and readers for tests, saved for real, and what a client sends to make some."""

from collections.abc import Iterable
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from msgspec import to_builtins
from polyfactory import Ignore, Use
from polyfactory.factories.msgspec_factory import MsgspecFactory
from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory

from app.domain.publishing.models import Article, Comment, Favorite, Follow, Tagging
from app.domain.publishing.schemas import NewArticle
from app.platform.database.model import Base
from app.platform.database.pools import Database

RowT = TypeVar("RowT", bound=Base)

NUMBERS = count(1)  # of what is like nothing else


class ArticleFactory(SQLAlchemyFactory[Article]):
    """An article; its author is given."""

    __set_relationships__ = False

    id = Ignore()
    slug = Use(lambda: f"article-{next(NUMBERS)}")
    title = Use(lambda: f"Title {next(NUMBERS)}")
    favorites_count = 0
    created_at = Ignore()
    updated_at = Ignore()

    @classmethod
    async def saved(
        cls, database: Database, author: UUID | None, *, tags: Iterable[str] = (), **given: object
    ) -> Article:
        """One in the database, with these tags."""
        (article,) = await cls.several(database, author, 1, tags=tags, **given)
        return article

    @classmethod
    async def several(
        cls, database: Database, author: UUID | None, count: int, *, tags: Iterable[str] = (), **given: object
    ) -> list[Article]:
        """As many in the database, oldest first, each with these tags."""
        articles = [cls.build(author_id=author, **given) for _ in range(count)]
        await save(database, *articles)
        rows = [
            Tagging(article_id=article.id, tag=tag, position=position)
            for article in articles
            for position, tag in enumerate(tags)
        ]
        await save(database, *rows)
        return articles


class CommentFactory(SQLAlchemyFactory[Comment]):
    """A comment; its article and its author are given."""

    __set_relationships__ = False

    id = Ignore()
    created_at = Ignore()
    updated_at = Ignore()

    @classmethod
    async def several(cls, database: Database, article: Article, author: UUID | None, count: int) -> list[Comment]:
        """As many in the database, oldest first."""
        return await save(database, *(cls.build(article_id=article.id, author_id=author) for _ in range(count)))


class DraftFactory(MsgspecFactory[NewArticle]):
    """What an author sends."""

    title = Use(lambda: f"Title {next(NUMBERS)}")
    description = "What it is about"
    body = "All that there is to say"
    tag_list = Use(list)

    @classmethod
    def sent(cls, **given: object) -> dict[str, Any]:
        """It as JSON's own types, with any value in place of a member."""
        return {"article": {**to_builtins(cls.build()), **given}}


async def save(database: Database, *rows: RowT) -> list[RowT]:
    """Put rows into the database, in this order."""
    work = database.unit_of_work()

    async def add() -> None:
        work.session.add_all(rows)

    await work.run(add)
    return list(rows)


async def follow(database: Database, follower: UUID, *followed: UUID) -> None:
    """Let one user follow others."""
    await save(database, *(Follow(follower_id=follower, followed_id=user) for user in followed))


async def favor(database: Database, user: UUID, *articles: Article) -> None:
    """Make articles favourites, without counting them."""
    await save(database, *(Favorite(user_id=user, article_id=article.id) for article in articles))
