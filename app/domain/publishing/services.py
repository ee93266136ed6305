"""The verbs of publishing. Each answers with the query of the corresponding read, inside its own transaction."""

from uuid import UUID

from msgspec import UNSET
from sqlalchemy import func

from app.domain.publishing.events import (
    ArticleFavored,
    ArticlePublished,
    ArticleRevised,
    ArticleUnfavored,
    ArticleWithdrawn,
    CommentPosted,
    CommentRetracted,
    UserFollowed,
    UserUnfollowed,
)
from app.domain.publishing.models import Article
from app.domain.publishing.policies import may_retract, may_revise
from app.domain.publishing.queries import article_address, article_by_slug, article_key, profile_by_name
from app.domain.publishing.repositories import (
    ArticleRepository,
    CommentRepository,
    add_favorite,
    add_follow,
    post_comment,
    remove_favorite,
    remove_follow,
)
from app.domain.publishing.schemas import ArticleChanges, ArticleOut, CommentOut, NewArticle, ProfileOut
from app.kit.errors import Conflict, Invalid, found, require
from app.kit.identity import Viewer
from app.kit.slug import slug_of
from app.platform.audited import Row
from app.platform.database.work import Service, UnitOfWork, repository


class ArticleService(Service):
    """What authors do with articles."""

    articles = repository(ArticleRepository)

    async def publish(self, author: Viewer, draft: NewArticle) -> ArticleOut:
        """Publish an article, under a slug of its own."""
        article = Article(author_id=author.id, title=draft.title, description=draft.description, body=draft.body)
        article.slug = await self.articles.free_slug(draft.title)
        await self.articles.add(article)
        await self.articles.tag(article, draft.tag_list)
        self.work.publish(ArticlePublished(article.id, article.author_id, article.slug, article.title))
        return await self._shown(article, author)

    async def revise(self, author: Viewer, slug: str, changes: ArticleChanges) -> ArticleOut:
        """Change an article; its slug follows a new title. Raises NotFound, Forbidden."""
        article = found(await self.articles.for_update(slug), "article")
        require(may_revise(author, article), "article")
        if changes.title is not UNSET:
            await self._rename(article, changes.title)
        if changes.description is not UNSET:
            article.description = changes.description
        if changes.body is not UNSET:
            article.body = changes.body
        if changes.tag_list is not UNSET:
            await self.articles.untag(article)
            await self.articles.tag(article, changes.tag_list)
        article.updated_at = func.now()  # the trigger that does this sees neither new tags nor a text that is the same
        self.work.publish(ArticleRevised(article.id, article.author_id, article.slug, article.title))
        return await self._shown(article, author)

    async def restore(self, author: Viewer, row: Row) -> None:
        """Give an article the text again that it had; it keeps its tags. Raises NotFound, Forbidden.

        And Conflict where the text was somebody's who is gone: nobody can read it any more.
        """
        if unreadable := [name for name in ("title", "description", "body") if name not in row]:
            raise Conflict(
                "position", f"cannot be gone back to: nobody can read its {' and '.join(unreadable)} any more"
            )
        known = found(await article_address.one(self.work, article_id=UUID(row["id"])), "article")
        changes = ArticleChanges(title=row["title"], description=row["description"], body=row["body"])
        await self.revise(author, known.slug, changes)

    async def withdraw(self, author: Viewer, slug: str) -> None:
        """Remove an article and the conversation about it. Raises NotFound, Forbidden."""
        article = found(await self.articles.for_update(slug), "article")
        require(may_revise(author, article), "article")
        self.work.publish(ArticleWithdrawn(article.id, article.author_id, article.slug))
        await self.articles.remove(article)

    async def _rename(self, article: Article, title: str) -> None:
        """Titles that differ only in what a slug leaves out keep it: links to the article stay good."""
        if slug_of(title) != slug_of(article.title):
            article.slug = await self.articles.free_slug(title)
        article.title = title

    async def _shown(self, article: Article, viewer: Viewer) -> ArticleOut:
        return found(await article_by_slug.one(self.work, slug=article.slug, viewer=viewer.id), "article")


async def revert_article(work: UnitOfWork, viewer: Viewer, row: Row) -> None:
    """Make an article again what it was, as its author would, or whoever keeps order."""
    await ArticleService(work).restore(viewer, row)


class CommentService(Service):
    """What readers say about articles."""

    comments = repository(CommentRepository)

    async def comment(self, reader: Viewer, slug: str, body: str) -> CommentOut:
        """Say something about an article. Raises NotFound."""
        comment = found(await post_comment.one(self.work, slug=slug, viewer=reader.id, body=body), "article")
        self.work.publish(CommentPosted(comment.id, slug))
        return comment

    async def retract(self, reader: Viewer, slug: str, comment_id: int) -> None:
        """Take a comment back. Raises NotFound, also for the comment of another article, and Forbidden."""
        article = found(await article_key.one(self.work, slug=slug), "article")
        comment = found(await self.comments.for_update(comment_id, article.id), "comment")
        require(may_retract(reader, comment), "comment")
        self.work.publish(CommentRetracted(comment.id, slug))
        await self.comments.remove(comment)


class FavoriteService(Service):
    """Which articles readers like best."""

    async def favor(self, reader: Viewer, slug: str) -> ArticleOut:
        """Make an article a favourite; saying it again changes nothing. Raises NotFound."""
        if added := await add_favorite.one(self.work, slug=slug, viewer=reader.id):
            self.work.publish(ArticleFavored(added.id))
        return found(await article_by_slug.one(self.work, slug=slug, viewer=reader.id), "article")

    async def unfavor(self, reader: Viewer, slug: str) -> ArticleOut:
        """Make an article no favourite any more; saying it again changes nothing. Raises NotFound."""
        if removed := await remove_favorite.one(self.work, slug=slug, viewer=reader.id):
            self.work.publish(ArticleUnfavored(removed.id))
        return found(await article_by_slug.one(self.work, slug=slug, viewer=reader.id), "article")


class FollowService(Service):
    """Whose articles readers want in their feed."""

    async def follow(self, reader: Viewer, username: str) -> ProfileOut:
        """Follow a user; saying it again changes nothing. Raises NotFound, and Invalid for oneself."""
        followed = found(await add_follow.one(self.work, username=username, follower=reader.id), "profile")
        if followed.id == reader.id:
            raise Invalid("username", "can't be your own")
        if followed.is_new:
            self.work.publish(UserFollowed(followed.id))
        return found(await profile_by_name.one(self.work, username=username, viewer=reader.id), "profile")

    async def unfollow(self, reader: Viewer, username: str) -> ProfileOut:
        """Follow a user no longer; saying it again changes nothing. Raises NotFound."""
        if left := await remove_follow.one(self.work, username=username, follower=reader.id):
            self.work.publish(UserUnfollowed(left.id))
        return found(await profile_by_name.one(self.work, username=username, viewer=reader.id), "profile")
