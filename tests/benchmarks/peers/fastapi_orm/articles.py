"""FastAPI's peer: reading articles by the ORM, with what the viewer has to do with them."""

from typing import Any

from sqlalchemy import Select, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer, joinedload, selectinload

from tests.benchmarks.peers.fastapi_orm.models import Article, Favorite, Follow, User
from tests.benchmarks.peers.fastapi_orm.schemas import ArticleOut, ArticlesEnvelope, ArticleSummary, ProfileOut


def select_articles(viewer: User | None) -> Select[tuple[Article, bool, bool]]:
    """Articles with author and tags, whether they are favourites of the viewer, and whether the author is followed."""
    favorited: Any = literal(value=False)
    following: Any = literal(value=False)
    if viewer is not None:
        favorited = exists().where(Favorite.article_id == Article.id, Favorite.user_id == viewer.id)
        following = exists().where(Follow.followed_id == Article.author_id, Follow.follower_id == viewer.id)
    return select(Article, favorited, following).options(joinedload(Article.author), selectinload(Article.tags))


async def find_article(session: AsyncSession, slug: str, viewer: User | None) -> ArticleOut | None:
    row = (await session.execute(select_articles(viewer).where(Article.slug == slug))).one_or_none()
    return None if row is None else ArticleOut(**_fields(*row), body=row[0].body)


async def read_page(
    session: AsyncSession, viewer: User | None, limit: int, offset: int, *, by_followed: bool = False
) -> ArticlesEnvelope:
    statement, total = select_articles(viewer), select(func.count()).select_from(Article)
    if by_followed and viewer is not None:
        followed = select(Follow.followed_id).where(Follow.follower_id == viewer.id)
        statement = statement.where(Article.author_id.in_(followed))
        total = total.where(Article.author_id.in_(followed))
    statement = statement.options(defer(Article.body)).order_by(Article.id.desc()).limit(limit).offset(offset)
    rows = (await session.execute(statement)).all()
    articles = [ArticleSummary(**_fields(*row)) for row in rows]
    return ArticlesEnvelope(articles=articles, articles_count=await session.scalar(total))


def show_profile(user: User, *, following: bool) -> ProfileOut:
    return ProfileOut(username=user.username, bio=user.bio, image=user.image, following=following)


def _fields(article: Article, favorited: bool, following: bool) -> dict[str, Any]:
    return {
        "slug": article.slug,
        "title": article.title,
        "description": article.description,
        "tag_list": [tagging.tag for tagging in article.tags],
        "created_at": article.created_at,
        "updated_at": article.updated_at,
        "favorited": favorited,
        "favorites_count": article.favorites_count,
        "author": show_profile(article.author, following=following),
    }
