"""FastAPI's peer: FastAPI, SQLAlchemy's ORM on asyncpg and Pydantic, in the idiom of their own pages."""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from tests.benchmarks.peers.fastapi_orm.articles import find_article, read_page, show_profile
from tests.benchmarks.peers.fastapi_orm.database import SessionDep
from tests.benchmarks.peers.fastapi_orm.models import Article, Comment, Favorite, OutboxEvent
from tests.benchmarks.peers.fastapi_orm.schemas import (
    ArticleEnvelope,
    ArticlesEnvelope,
    CommentEnvelope,
    CommentOut,
    HealthOut,
    PostComment,
    UserEnvelope,
    UserOut,
)
from tests.benchmarks.peers.fastapi_orm.security import TokenDep, UserDep, ViewerDep

app = FastAPI()

Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0)]


@app.get("/health")
async def read_health() -> HealthOut:
    return HealthOut(status="ok")


@app.get("/api/articles")
async def list_articles(
    session: SessionDep, viewer: ViewerDep, limit: Limit = 20, offset: Offset = 0
) -> ArticlesEnvelope:
    return await read_page(session, viewer, limit, offset)


@app.get("/api/articles/feed")
async def read_feed(session: SessionDep, user: UserDep, limit: Limit = 20, offset: Offset = 0) -> ArticlesEnvelope:
    return await read_page(session, user, limit, offset, by_followed=True)


@app.get("/api/articles/{slug}")
async def read_article(slug: str, session: SessionDep, viewer: ViewerDep) -> ArticleEnvelope:
    article = await find_article(session, slug, viewer)
    if article is None:
        raise HTTPException(404)
    return ArticleEnvelope(article=article)


@app.post("/api/articles/{slug}/favorite")
async def favorite_article(slug: str, session: SessionDep, user: UserDep) -> ArticleEnvelope:
    article_id = await session.scalar(select(Article.id).where(Article.slug == slug))
    if article_id is None:
        raise HTTPException(404)
    added = insert(Favorite).values(user_id=user.id, article_id=article_id).on_conflict_do_nothing()
    if await session.scalar(added.returning(Favorite.article_id)):
        count = Article.favorites_count + 1
        await session.execute(update(Article).where(Article.id == article_id).values(favorites_count=count))
    article = await find_article(session, slug, user)
    await session.commit()
    return ArticleEnvelope(article=article)


@app.delete("/api/articles/{slug}/favorite")
async def unfavorite_article(slug: str, session: SessionDep, user: UserDep) -> ArticleEnvelope:
    article_id = await session.scalar(select(Article.id).where(Article.slug == slug))
    if article_id is None:
        raise HTTPException(404)
    gone = delete(Favorite).where(Favorite.user_id == user.id, Favorite.article_id == article_id)
    await session.execute(gone)  # which a trigger counts
    article = await find_article(session, slug, user)
    await session.commit()
    return ArticleEnvelope(article=article)


@app.post("/api/articles/{slug}/comments", status_code=201)
async def post_comment(slug: str, data: PostComment, session: SessionDep, user: UserDep) -> CommentEnvelope:
    article_id = await session.scalar(select(Article.id).where(Article.slug == slug))
    if article_id is None:
        raise HTTPException(404)
    comment = Comment(article_id=article_id, author_id=user.id, body=data.comment.body)
    session.add(comment)
    await session.flush()
    told = {"commentId": comment.id, "slug": slug}
    session.add(
        OutboxEvent(name="publishing.comment_posted", subject=f"comment:{comment.id}", actor=user.id, payload=told)
    )
    await session.commit()
    return CommentEnvelope(
        comment=CommentOut(
            id=comment.id,
            created_at=comment.created_at,
            updated_at=comment.updated_at,
            body=comment.body,
            author=show_profile(user, following=False),
        )
    )


@app.get("/api/user")
async def read_user(user: UserDep, token: TokenDep) -> UserEnvelope:
    return UserEnvelope(
        user=UserOut(username=user.username, email=user.email, token=token, bio=user.bio, image=user.image)
    )
