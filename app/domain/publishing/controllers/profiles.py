"""Profiles: users as others see them."""

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.domain.publishing.queries import profile_by_name
from app.domain.publishing.schemas import ProfileEnvelope
from app.kit.errors import NotFound, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader
from app.platform.handlers import get
from app.platform.security import PUBLIC


class ProfileController(Controller):
    """Profiles, by username."""

    path = "/profiles/{username:str}"

    @get(permission=PUBLIC, cached=True, refuses=(NotFound,))
    async def read_profile(
        self, username: FromPath[str], viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]
    ) -> ProfileEnvelope:
        """Read a profile."""
        profile = await profile_by_name.one(reader, username=username, viewer=viewer.id)
        return ProfileEnvelope(found(profile, "profile"))
