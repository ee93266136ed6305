"""Favourites: which articles one likes best."""

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.domain.publishing.schemas import ArticleEnvelope
from app.domain.publishing.services import FavoriteService
from app.kit.errors import NotFound
from app.kit.identity import Viewer
from app.platform.handlers import delete, post
from app.platform.security import SIGNED_IN


class FavoriteController(Controller):
    """One's own favourite of an article."""

    path = "/articles/{slug:str}/favorite"

    @post(permission=SIGNED_IN, status_code=200, refuses=(NotFound,))
    async def favorite_article(
        self, slug: FromPath[str], viewer: NamedDependency[Viewer], favorites: NamedDependency[FavoriteService]
    ) -> ArticleEnvelope:
        """Make an article a favourite."""
        return ArticleEnvelope(await favorites.favor(viewer, slug))

    @delete(permission=SIGNED_IN, status_code=200, refuses=(NotFound,))
    async def unfavorite_article(
        self, slug: FromPath[str], viewer: NamedDependency[Viewer], favorites: NamedDependency[FavoriteService]
    ) -> ArticleEnvelope:
        """Make an article no favourite any more."""
        return ArticleEnvelope(await favorites.unfavor(viewer, slug))
