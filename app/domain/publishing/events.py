"""What happens in publishing that others may want to hear of."""

from uuid import UUID

from app.kit.event import Event


class ArticlePublished(Event, frozen=True):
    """An author has published an article."""

    about = "article_id"

    article_id: UUID
    author_id: UUID
    slug: str
    title: str


class ArticleRevised(Event, frozen=True):
    """An article was changed, by its author or by somebody who may; its slug may be another one now."""

    about = "article_id"

    article_id: UUID
    author_id: UUID
    slug: str
    title: str


class ArticleWithdrawn(Event, frozen=True):
    """An article is gone, and with it all that was said about it."""

    about = "article_id"

    article_id: UUID
    author_id: UUID
    slug: str


class CommentPosted(Event, frozen=True):
    """A reader has said something about an article."""

    about = "comment_id"

    comment_id: int
    slug: str


class CommentRetracted(Event, frozen=True):
    """A comment is gone."""

    about = "comment_id"

    comment_id: int
    slug: str


class ArticleFavored(Event, frozen=True):
    """An article has become a reader's favourite: the actor's."""

    about = "article_id"

    article_id: UUID


class ArticleUnfavored(Event, frozen=True):
    """An article is a reader's favourite no more: the actor's."""

    about = "article_id"

    article_id: UUID


class UserFollowed(Event, frozen=True):
    """A reader follows a user from now on: the actor does."""

    about = "followed_id"

    followed_id: UUID


class UserUnfollowed(Event, frozen=True):
    """A reader follows a user no more: the actor does not."""

    about = "followed_id"

    followed_id: UUID
