"""Everything that publishing shows: a read is one statement, and its rows go straight into the structs of `schemas`."""

# ruff: noqa: ARG001 - `viewer` is the argument of the shapes: whose favourite, followed by whom

from uuid import UUID

from msgspec import Struct
from sqlalchemy import ARRAY, ColumnElement, ScalarSelect, Select, Text, func, select, true

from app.domain.accounts.models import User
from app.domain.publishing.models import Article, Comment, Favorite, Follow, Tagging
from app.domain.publishing.schemas import ArticleOut, ArticleSummary, CommentOut, Identity, ProfileOut, TagOut
from app.platform.statements.query import LIMIT, OFFSET, by, query
from app.platform.statements.shape import Shape, param
from app.platform.totals import counter, total_of

MOST_TAGS, NEWEST_TAGS = 1_000, 100


def _is_there(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a row, looked up by its key.

    EXISTS would say the same, but PostgreSQL reads all of the viewer's ten thousand favourites into a hash for it.
    """
    return select(true()).where(*conditions).correlate(Article, User).scalar_subquery().is_not(None)


viewer_id = param("viewer", User.id)  # null for an anonymous viewer, who is equal to nobody

tags = select(Tagging.tag).where(Tagging.article_id == Article.id).order_by(Tagging.position).correlate(Article)
tags_in_order = func.array(tags.scalar_subquery(), type_=ARRAY(Text()))
is_favorite = _is_there(Favorite.user_id == viewer_id, Favorite.article_id == Article.id)
is_followed = _is_there(Follow.follower_id == viewer_id, Follow.followed_id == User.id)

profile = Shape(ProfileOut, User, following=is_followed)
article = Shape(ArticleOut, Article, tag_list=tags_in_order, favorited=is_favorite, author=profile)
summary = Shape(ArticleSummary, Article, tag_list=tags_in_order, favorited=is_favorite, author=profile)
comment = Shape(CommentOut, Comment, author=profile)


def is_named(name: str) -> ColumnElement[bool]:
    """Whether this is a user's name, however it is capitalized."""
    return func.lower(User.username) == func.lower(name)


def user_named(name: str) -> ScalarSelect[UUID]:
    """The id of the user of this name; null where there is none."""
    return select(User.id).where(is_named(name)).scalar_subquery()


@query(Shape(Identity, User))
def user_by_id(q: Select, *, user: UUID | None) -> Select:
    """A user as they see themselves."""
    return q.where(User.id == user)


@query(profile)
def profile_by_name(q: Select, *, username: str, viewer: UUID | None) -> Select:
    """A user as others see them."""
    return q.where(is_named(username))


class Key(Struct):
    """Which row there is."""

    id: UUID


@query(Shape(Key, Article))
def article_key(q: Select, *, slug: str) -> Select:
    """An article's id, without its text."""
    return q.where(Article.slug == slug)


class Address(Struct):
    """Where an article is read."""

    slug: str


@query(Shape(Address, Article))
def article_address(q: Select, *, article_id: UUID) -> Select:
    """The slug that an article has now."""
    return q.where(Article.id == article_id)


@query(article)
def article_by_slug(q: Select, *, slug: str, viewer: UUID | None) -> Select:
    """One article, whole."""
    return q.join(Article.author).where(Article.slug == slug)


def total_of_articles(
    *, tag: str | None = None, author: str | None = None, favorited: str | None = None, **_: object
) -> ColumnElement[int] | None:
    """From the counters or from one index, where they know it."""
    if author is None and favorited is None:
        return total_of("publishing_article") if tag is None else total_of("publishing_tagging", tag)
    if author is None and tag is None and favorited is not None:
        favorites = select(func.count()).select_from(Favorite)
        return favorites.where(Favorite.user_id == user_named(favorited)).scalar_subquery()
    return None


@query(summary, page=by(Article.id.desc()), total=total_of_articles)
def newest_articles(
    q: Select,
    *,
    viewer: UUID | None,
    tag: str | None = None,
    author: str | None = None,
    favorited: str | None = None,
) -> Select:
    """The articles with this tag, by this author, favoured by this user; what is not named does not narrow."""
    q = q.outerjoin(Article.author)  # everyone is there, but an outer join is left out where rows are only counted
    if tag is not None:
        q = q.join(Tagging, Tagging.article_id == Article.id).where(Tagging.tag == tag)
    if author is not None:
        q = q.where(Article.author_id == user_named(author))
    if favorited is not None:
        q = q.join(Favorite, Favorite.article_id == Article.id).where(Favorite.user_id == user_named(favorited))
    return q


def total_of_feed(*, viewer: UUID | None) -> ColumnElement[int]:
    """Counted in one index, without a look at the articles themselves."""
    by_followed = select(func.count()).select_from(Follow).join(Article, Article.author_id == Follow.followed_id)
    return by_followed.where(Follow.follower_id == viewer).scalar_subquery()


@query(summary, page=by(Article.id.desc()), total=total_of_feed)
def feed(q: Select, *, viewer: UUID | None) -> Select:
    """What the authors whom the viewer follows have published.

    The newest few of each author, and of these the newest few: it reads as many index entries as the page can need.
    `author_id = ANY(…)` would walk through all the articles where the authors have not published for long.
    """
    of_author = select(Article.id).where(Article.author_id == Follow.followed_id).correlate(Follow)
    newest_of_each = of_author.order_by(Article.id.desc()).limit(LIMIT + OFFSET).lateral()
    newest = select(newest_of_each.c.id).join_from(Follow, newest_of_each, true()).where(Follow.follower_id == viewer)
    newest = newest.order_by(newest_of_each.c.id.desc()).limit(LIMIT + OFFSET)
    return q.outerjoin(Article.author).where(Article.id.in_(newest))


@query(comment)
def comments_on(q: Select, *, slug: str, viewer: UUID | None, limit: int, offset: int) -> Select:
    """What readers said about an article, the newest first; not counted, for nobody is told how many there are.

    Up to the offset, keys alone are passed over: the authors of those comments are not looked up.
    """
    article_id = select(Article.id).where(Article.slug == slug).scalar_subquery()
    of_article = select(Comment.id).where(Comment.article_id == article_id).correlate(None)
    shown = of_article.order_by(Comment.id.desc()).limit(limit).offset(offset)
    return q.join(Comment.author).where(Comment.id.in_(shown)).order_by(Comment.id.desc())


class Commented(Struct, frozen=True, gc=False):
    """Who said something about whose article."""

    author_id: UUID
    of_author_id: UUID
    title: str
    slug: str


@query(Shape(Commented, Comment, of_author_id=Article.author_id, title=Article.title, slug=Article.slug))
def commented_article(q: Select, *, comment: int) -> Select:
    """The article that a comment is about."""
    return q.join(Article, Article.id == Comment.article_id).where(Comment.id == comment)


# Tags are counted as they are given and taken away, so that nothing is counted here.
uses, born = func.sum(counter.c.value), func.min(counter.c.created_at)
used = (
    select(
        counter.c.key,
        func.row_number().over(order_by=(uses.desc(), counter.c.key)).label("popularity"),
        func.row_number().over(order_by=(born.desc(), counter.c.key)).label("novelty"),
    )
    .where(counter.c.name == "publishing_tagging", counter.c.key != "")
    .group_by(counter.c.key)
    .having(uses > 0)
    .subquery("used")
)


@query(Shape(TagOut, used, tag=used.c.key))
def tags_in_use(q: Select) -> Select:
    """The tags most in use, and the newest ones among them whatever their use."""
    is_popular, is_new = used.c.popularity <= MOST_TAGS - NEWEST_TAGS, used.c.novelty <= NEWEST_TAGS
    return q.where(is_popular | is_new).order_by(used.c.popularity)
