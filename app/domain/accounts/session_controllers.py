"""The doors of browsers: sessions, which live in a cookie that no script can read."""

from typing import Any

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.schemas import MadeToken, SessionOut, SignedIn, SignIn
from app.domain.accounts.services import AccountService
from app.kit.errors import TooMany
from app.kit.identity import Viewer
from app.platform.cookies import SessionCookie
from app.platform.handlers import delete, post
from app.platform.security import PUBLIC, SIGNED_IN

PATH = "/api/v1/accounts"
ONCE = {"Cache-Control": "no-store"}  # no cache on the way may keep what is shown once


class SessionController(Controller):
    """A browser's session: the cookie `__Host-session`, on loopback HTTP `session`."""

    path = "/session"

    @post(permission=PUBLIC, same_origin=True, changes_identity=True, refuses=(TooMany,), accepted=SecondFactorAsked)
    async def sign_in_browser(
        self,
        data: JSONBody[SignIn],
        viewer: NamedDependency[Viewer],
        accounts: NamedDependency[AccountService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[SessionOut | SecondFactorAsked]:
        """Sign a browser in.

        Makes a session for the user with this address, or username, and this password, and sets its cookie; one that
        the browser had before ends. As everything that a cookie allows to change, it takes JSON alone, and requests of
        our own pages alone: `Sec-Fetch-Site: same-origin`, or an `Origin` that is ours or trusted. Who has a second
        factor is asked for it, by 202.
        """
        made = await accounts.enter(data.email, data.password, as_session=True)
        await accounts.leave_session(viewer)
        return begun(made, cookie) if isinstance(made, SignedIn) else asked_first(made)

    @delete(permission=SIGNED_IN, changes_identity=True)
    async def sign_out_browser(
        self,
        viewer: NamedDependency[Viewer],
        accounts: NamedDependency[AccountService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[None]:
        """Sign a browser out.

        Ends the session, or the token, that is presented, and takes the cookie back.
        """
        await accounts.sign_out(viewer)
        return Response(None, headers=cookie.taken_back())


def asked_first(made: SecondFactorAsked) -> Response[Any]:
    """What has to be answered before anybody is signed in."""
    return Response(made, status_code=202, headers=ONCE)


def shown_once(made: SignedIn | MadeToken, location: str = "") -> Response[Any]:
    """A token, in clear."""
    return Response(made, headers={"Location": location or f"{PATH}/tokens/{made.id}", **ONCE})


def begun(made: SignedIn, cookie: SessionCookie) -> Response[Any]:
    """The session, with its secret in the cookie alone."""
    headers = {"Location": f"{PATH}/tokens/{made.id}", **ONCE, **cookie.given_out(made.token)}
    return Response(SessionOut(made.id, made.expires_at, made.user), headers=headers)
