"""Everything that changes the rows of publishing: repositories where it is rich, a single statement where it is hot."""

# ruff: noqa: ARG001 - what is written stands in the statements as `param(…)`

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Boolean, Select, UpdateBase, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.accounts.models import User
from app.domain.publishing.models import Article, Comment, Favorite, Follow, Tagging
from app.domain.publishing.queries import Key, comment, is_named, user_named
from app.domain.publishing.schemas import CommentOut
from app.kit.slug import distinct, slug_of
from app.platform.database.model import Repository
from app.platform.statements.query import command
from app.platform.statements.shape import Shape, param

RESERVED = frozenset({"feed"})  # what stands beside {slug} in the paths under /articles

viewer_id, follower_id, text = param("viewer", User.id), param("follower", User.id), param("body", Comment.body)


class ArticleRepository(Repository[Article]):
    """Articles, and the tags on them."""

    model_type = Article

    async def for_update(self, slug: str) -> Article | None:
        """The article, locked until the transaction ends."""
        return await self.get_one_or_none(Article.slug == slug, with_for_update=True)

    async def free_slug(self, title: str) -> str:
        """A slug for the title that no other article has, nor gets while this transaction lasts.

        The lock lets a second author of the same title wait and see that it is taken. To try and be refused by the
        unique constraint would abort the transaction.
        """
        slug = slug_of(title, RESERVED)
        await self.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(slug, 0))))
        return distinct(slug) if not slug or await self.exists(Article.slug == slug) else slug

    async def tag(self, article: Article, tags: Sequence[str]) -> None:
        """Put the tags on an article that has none, in their order, each once."""
        rows = [
            {"article_id": article.id, "tag": tag, "position": position}
            for position, tag in enumerate(dict.fromkeys(tags))
        ]
        if rows:
            await self.session.execute(insert(Tagging).values(rows))

    async def untag(self, article: Article) -> None:
        """Take all tags off an article."""
        await self.session.execute(delete(Tagging).where(Tagging.article_id == article.id))

    async def remove(self, article: Article) -> None:
        """Remove an article; its tags, favourites and comments go with it."""
        await self.session.delete(article)


class CommentRepository(Repository[Comment]):
    """Comments."""

    model_type = Comment

    async def for_update(self, comment_id: int, article_id: UUID) -> Comment | None:
        """The comment, if it is on this article, locked until the transaction ends."""
        return await self.get_one_or_none(
            Comment.id == comment_id, Comment.article_id == article_id, with_for_update=True
        )

    async def remove(self, comment: Comment) -> None:
        """Remove a comment."""
        await self.session.delete(comment)


# FOR KEY SHARE, below: an article that is being withdrawn is waited for and then not found; without it the insertion
# would fail on its foreign key instead, a 409 for a 404.


@command(comment)
def post_comment(shape: Shape[CommentOut], *, slug: str, viewer: UUID | None, body: str) -> Select:
    """Find the article, put the comment on it and show it; nothing where there is no such article."""
    article = select(Article.id, viewer_id, text).where(Article.slug == slug).with_for_update(read=True, key_share=True)
    posted = insert(Comment).from_select([Comment.article_id, Comment.author_id, Comment.body], article)
    posted = posted.returning(*Comment.__table__.columns).cte("posted")
    return shape.select(posted).join(User, User.id == posted.c.author_id)


@command(Shape(Key, Article))
def add_favorite(shape: Shape[Key], *, slug: str, viewer: UUID | None) -> UpdateBase:
    """Make the article a favourite and count it; nothing where it is one already, whoever else is at it."""
    article = select(viewer_id, Article.id).where(Article.slug == slug).with_for_update(read=True, key_share=True)
    added = insert(Favorite).from_select([Favorite.user_id, Favorite.article_id], article)
    new = added.on_conflict_do_nothing().returning(Favorite.article_id).cte("added")
    count = update(Article).where(Article.id.in_(select(new.c.article_id)))
    return count.values(favorites_count=Article.favorites_count + 1).returning(*shape.columns)


@command(Shape(Key, Favorite, id=Favorite.article_id))
def remove_favorite(shape: Shape[Key], *, slug: str, viewer: UUID | None) -> UpdateBase:
    """Make the article no favourite any more, which a trigger counts off; nothing where it is none."""
    article_id = select(Article.id).where(Article.slug == slug).scalar_subquery()
    removed = delete(Favorite).where(Favorite.user_id == viewer, Favorite.article_id == article_id)
    return removed.returning(*shape.columns)


class Followed(Struct):
    """Who is followed, and whether that is new."""

    id: UUID
    is_new: bool


@command(Shape(Followed, User, is_new=literal_column("EXISTS (SELECT FROM added)", Boolean())))
def add_follow(shape: Shape[Followed], *, username: str, follower: UUID | None) -> Select:
    """Follow a user and say who that is; nothing is added for oneself, nor a second time."""
    followed = select(User.id).where(is_named(username)).cte("followed")
    pair = select(follower_id, followed.c.id).where(followed.c.id != follower)
    added = insert(Follow).from_select([Follow.follower_id, Follow.followed_id], pair).on_conflict_do_nothing()
    return shape.select(followed).add_cte(added.returning(Follow.followed_id).cte("added"))


@command(Shape(Key, Follow, id=Follow.followed_id))
def remove_follow(shape: Shape[Key], *, username: str, follower: UUID | None) -> UpdateBase:
    """Follow a user no longer; nothing where the user was not followed."""
    follow = delete(Follow).where(Follow.follower_id == follower, Follow.followed_id == user_named(username))
    return follow.returning(*shape.columns)
