"""Who is at the admin site: a browser's session of somebody who is staff, as the identity middleware knows it."""

from collections.abc import Awaitable, Callable

from adminsite.auth import AuthProvider
from msgspec import Struct
from starlette.requests import Request

from app.kit.identity import ANONYMOUS, Viewer

NameOf = Callable[[Viewer], Awaitable[str | None]]
"""The name of a viewer who is staff and active; None for everybody else."""


class Staff(Struct, frozen=True):
    """A viewer at the site, who is shown by name."""

    viewer: Viewer
    name: str

    def __str__(self) -> str:
        return self.name


class StaffAlone(AuthProvider):
    """Lets in whom the house's own session tells of. There is no other: signing in is the accounts' business."""

    def __init__(self, name_of: NameOf) -> None:
        self._name_of = name_of

    def identity(self, user: Staff) -> str:
        """The user's id."""
        return str(user.viewer.id)

    async def current_user(self, request: Request) -> Staff | None:
        """Who asks; None for tokens too, which no page sends."""
        viewer: Viewer = request.scope.get("user", ANONYMOUS)
        name = await self._name_of(viewer) if viewer.is_session else None
        return Staff(viewer, name) if name else None


def asked_by(viewer: Viewer) -> Request:
    """A request of theirs that was never sent: what a job does for them asks for one."""
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    return Request({**scope, "state": {"user": Staff(viewer, "")}})


def viewer_of(request: Request) -> Viewer:
    """Who asks for this page; it is asked only where somebody is let in."""
    staff: Staff = request.state.user
    return staff.viewer
