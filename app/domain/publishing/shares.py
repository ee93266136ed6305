"""All that publishing holds of a user, for whoever wants to have it."""

from uuid import UUID

from sqlalchemy import Select

from app.domain.accounts.models import User
from app.domain.publishing.models import Article, Comment, Favorite, Follow
from app.domain.publishing.queries import tags_in_order
from app.kit.schema import Moment, Output
from app.platform.database.work import Source
from app.platform.statements.query import query
from app.platform.statements.shape import Shape


class ArticleShare(Output):
    """An article, in an export."""

    slug: str
    title: str
    description: str
    body: str
    tag_list: list[str]
    created_at: Moment
    updated_at: Moment


class CommentShare(Output):
    """A comment, in an export; `article` is the slug of what it is about."""

    article: str
    body: str
    created_at: Moment
    updated_at: Moment


class FavoriteShare(Output):
    """A favourite, in an export."""

    article: str


class FollowShare(Output):
    """Who is followed, in an export."""

    username: str


class PublishingShare(Output):
    """What publishing holds of a user: favourites as slugs, those followed by their names."""

    articles: list[ArticleShare]
    comments: list[CommentShare]
    favorites: list[str]
    follows: list[str]


@query(Shape(ArticleShare, Article, tag_list=tags_in_order))
def articles_by(q: Select, *, user: UUID) -> Select:
    """What a user has published, the newest first."""
    return q.where(Article.author_id == user).order_by(Article.id.desc())


@query(Shape(CommentShare, Comment, article=Article.slug))
def comments_by(q: Select, *, user: UUID) -> Select:
    """What a user has said about articles, the newest first."""
    written = q.join(Article, Article.id == Comment.article_id).where(Comment.author_id == user)
    return written.order_by(Comment.id.desc())


@query(Shape(FavoriteShare, Favorite, article=Article.slug))
def favorites_of(q: Select, *, user: UUID) -> Select:
    """What a user favours, the newest first."""
    chosen = q.join(Article, Article.id == Favorite.article_id).where(Favorite.user_id == user)
    return chosen.order_by(Favorite.article_id.desc())


@query(Shape(FollowShare, Follow, username=User.username))
def followed_by(q: Select, *, user: UUID) -> Select:
    """Whom a user follows."""
    return q.join(User, User.id == Follow.followed_id).where(Follow.follower_id == user).order_by(User.username)


async def share_of(source: Source, user: UUID) -> PublishingShare:
    """What the user wrote, favours and follows."""
    return PublishingShare(
        articles=await articles_by.all(source, user=user),
        comments=await comments_by.all(source, user=user),
        favorites=[one.article for one in await favorites_of.all(source, user=user)],
        follows=[one.username for one in await followed_by.all(source, user=user)],
    )
