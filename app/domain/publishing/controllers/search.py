"""Search: articles by the words in them."""

from typing import Annotated

from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app.domain.publishing.schemas import ArticlesFound
from app.domain.publishing.search import search
from app.kit.identity import Viewer
from app.kit.pagination import Window
from app.kit.schema import text
from app.platform.database.work import Reader
from app.platform.handlers import get
from app.platform.security import PUBLIC

Words = Annotated[
    str,
    text(200, "whales"),
    QueryParameter(description='What to look for: words, `"a phrase"`, `this or that`, `-without`'),
]
Limit = Annotated[int, QueryParameter(ge=1, le=50, description="How many articles to list at most")]
Offset = Annotated[int, QueryParameter(ge=0, le=2**53, description="How many articles to pass over, best first")]


@get("/articles/search", permission=PUBLIC)
async def search_articles(
    viewer: NamedDependency[Viewer],
    reader: NamedDependency[Reader],
    state: State,
    q: Words,
    limit: Limit = 20,
    offset: Offset = 0,
) -> ArticlesFound:
    """Search articles by their words, best first.

    The newest 200 that match are ranked, and `articlesCount` counts these. Titles weigh most, then descriptions, then
    bodies; accents and endings do not matter. Where nothing has the words, those nearest to them are looked for.
    """
    page, spelling = await search(reader, state.resources.cache, Window(limit, offset), q, viewer.id)
    return ArticlesFound(page.items, page.total, spelling)
