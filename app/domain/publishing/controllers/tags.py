"""Tags: what articles are about."""

from litestar.di import NamedDependency

from app.domain.publishing.queries import tags_in_use
from app.domain.publishing.schemas import TagsEnvelope
from app.platform.database.work import Reader
from app.platform.handlers import get
from app.platform.security import PUBLIC


@get("/tags", permission=PUBLIC, cached=True)
async def list_tags(reader: NamedDependency[Reader]) -> TagsEnvelope:
    """List tags in use, most used first.

    A thousand at most; the newest hundred are among them, however rare.
    """
    return TagsEnvelope([used.tag for used in await tags_in_use.all(reader)])
