"""Follows: whose articles come into one's feed."""

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.domain.publishing.schemas import ProfileEnvelope
from app.domain.publishing.services import FollowService
from app.kit.errors import Invalid, NotFound
from app.kit.identity import Viewer
from app.platform.handlers import delete, post
from app.platform.security import SIGNED_IN


class FollowController(Controller):
    """One's own follow of a user."""

    path = "/profiles/{username:str}/follow"

    @post(permission=SIGNED_IN, status_code=200, refuses=(NotFound, Invalid))
    async def follow_user(
        self, username: FromPath[str], viewer: NamedDependency[Viewer], follows: NamedDependency[FollowService]
    ) -> ProfileEnvelope:
        """Follow a user."""
        return ProfileEnvelope(await follows.follow(viewer, username))

    @delete(permission=SIGNED_IN, status_code=200, refuses=(NotFound,))
    async def unfollow_user(
        self, username: FromPath[str], viewer: NamedDependency[Viewer], follows: NamedDependency[FollowService]
    ) -> ProfileEnvelope:
        """Follow a user no longer."""
        return ProfileEnvelope(await follows.unfollow(viewer, username))
