"""Articles: lists, the feed, and one by its slug."""

from typing import Annotated
from urllib.parse import quote

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domain.publishing.queries import article_by_slug, feed, newest_articles
from app.domain.publishing.schemas import ArticleEnvelope, ArticlesEnvelope, PublishArticle, ReviseArticle
from app.domain.publishing.services import ArticleService
from app.kit.errors import Forbidden, NotFound, found
from app.kit.identity import Viewer
from app.kit.pagination import Window
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post, put
from app.platform.security import PUBLIC, SIGNED_IN

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many articles to list at most")]
Offset = Annotated[int, QueryParameter(ge=0, le=2**53, description="How many articles to pass over, newest first")]
Tag = Annotated[str | None, QueryParameter(description="Only articles with this tag")]
Author = Annotated[str | None, QueryParameter(description="Only articles by the user of this name")]
Fan = Annotated[str | None, QueryParameter(description="Only favourites of the user of this name")]


class ArticleController(Controller):
    """Articles, by slug."""

    path = "/articles"

    @get(permission=PUBLIC, cached=True)
    async def list_articles(
        self,
        viewer: NamedDependency[Viewer],
        reader: NamedDependency[Reader],
        *,
        tag: Tag = None,
        author: Author = None,
        favorited: Fan = None,
        limit: Limit = 20,
        offset: Offset = 0,
    ) -> ArticlesEnvelope:
        """List articles, newest first.

        What is filtered by names nobody has, or a tag nobody uses, is an empty list.
        """
        filters = {"tag": tag, "author": author, "favorited": favorited}
        page = await newest_articles.page(reader, Window(limit, offset), viewer=viewer.id, **filters)
        return ArticlesEnvelope(page.items, page.total)

    @get("/feed", permission=SIGNED_IN)
    async def read_feed(
        self,
        viewer: NamedDependency[Viewer],
        reader: NamedDependency[Reader],
        limit: Limit = 20,
        offset: Offset = 0,
    ) -> ArticlesEnvelope:
        """List articles by the users whom one follows, newest first."""
        page = await feed.page(reader, Window(limit, offset), viewer=viewer.id)
        return ArticlesEnvelope(page.items, page.total)

    @post(permission=SIGNED_IN)
    async def publish_article(
        self,
        data: JSONBody[PublishArticle],
        viewer: NamedDependency[Viewer],
        articles: NamedDependency[ArticleService],
    ) -> Response[ArticleEnvelope]:
        """Publish an article."""
        article = await articles.publish(viewer, data.article)
        return Response(ArticleEnvelope(article), headers={"Location": f"/api/articles/{quote(article.slug)}"})

    @get("/{slug:str}", permission=PUBLIC, cached=True, refuses=(NotFound,))
    async def read_article(
        self, slug: FromPath[str], viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]
    ) -> ArticleEnvelope:
        """Read an article."""
        return ArticleEnvelope(found(await article_by_slug.one(reader, slug=slug, viewer=viewer.id), "article"))

    @put("/{slug:str}", permission=SIGNED_IN, refuses=(NotFound, Forbidden))
    async def revise_article(
        self,
        slug: FromPath[str],
        data: JSONBody[ReviseArticle],
        viewer: NamedDependency[Viewer],
        articles: NamedDependency[ArticleService],
    ) -> ArticleEnvelope:
        """Change an article of one's own.

        What is left out stays. The slug follows a new title.
        """
        return ArticleEnvelope(await articles.revise(viewer, slug, data.article))

    @delete("/{slug:str}", permission=SIGNED_IN, refuses=(NotFound, Forbidden))
    async def withdraw_article(
        self, slug: FromPath[str], viewer: NamedDependency[Viewer], articles: NamedDependency[ArticleService]
    ) -> None:
        """Withdraw an article of one's own, with all that was said about it."""
        await articles.withdraw(viewer, slug)
