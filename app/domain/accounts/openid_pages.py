"""The pages by which a browser goes to a provider and comes back from it; both are plain links."""

from collections.abc import Mapping

from litestar import Controller, Response
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.domain.accounts.admission import SecondFactorNeeded
from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.openid import pending_cookie
from app.domain.accounts.openid_controllers import Back
from app.domain.accounts.openid_services import IdentityService, Returned
from app.domain.accounts.pages import PAGES
from app.domain.accounts.schemas import SignedIn
from app.kit.errors import AppError, TooMany
from app.kit.identity import Viewer
from app.platform.cookies import SessionCookie
from app.platform.handlers import get
from app.platform.http import UpstreamFailed
from app.platform.pages import HEADERS
from app.platform.request import JSONRequest
from app.platform.security import PUBLIC

LINKED = ("It is linked", "From now on you can sign in by it.")


class OpenIdPages(Controller):
    """To a provider, and back."""

    path = "/account/openid"

    @get("/{provider:str}", permission=PUBLIC, include_in_schema=False, refuses=(TooMany, UpstreamFailed))
    async def go_to_provider(
        self, provider: FromPath[str], identities: NamedDependency[IdentityService], state: State, back: Back = None
    ) -> Response[str]:
        """Go and sign in there."""
        begun = await identities.begin(provider, back)
        return _led(begun.address, pending_cookie(state.settings.http).given_out(begun.cookie))

    @get(
        "/{provider:str}/callback",
        permission=PUBLIC,
        include_in_schema=False,
        changes_identity=True,
        refuses=(TooMany, UpstreamFailed),
    )
    async def come_back(
        self,
        provider: FromPath[str],
        request: JSONRequest,
        viewer: NamedDependency[Viewer],
        identities: NamedDependency[IdentityService],
        cookie: NamedDependency[SessionCookie],
        state: State,
    ) -> Response[str]:
        """What came of it. The cookie is taken back, whatever that is; a session of before ends."""
        pending = pending_cookie(state.settings.http)
        try:
            returned = Returned.of(request.query_params)
            ended = await identities.finish(provider, returned, pending.given(request.scope["headers"]))
            if isinstance(ended.made, SecondFactorAsked):
                raise SecondFactorNeeded
            if ended.made is not None:
                await identities.leave_session(viewer)
        except AppError as refusal:
            refusal.headers |= pending.taken_back()
            raise
        over = Cookie(pending.name, value="", max_age=0, httponly=True, samesite="lax", secure=pending.secure)
        return _shown(ended.made, ended.back, cookie, over)


def _shown(made: SignedIn | None, back: str | None, cookie: SessionCookie, over: Cookie) -> Response[str]:
    """Back to where it was begun, or a page that says what came of it."""
    given = {} if made is None else cookie.given_out(made.token)
    if back is not None:
        return _led(back, given, over)
    title, text = LINKED if made is None else ("You are signed in", f"As {made.user.username}.")
    shown = PAGES.show("done", 200, given, title=title, text=text, token="")
    shown.cookies = [over]
    return shown


def _led(to: str, headers: Mapping[str, str], *cookies: Cookie) -> Response[str]:
    return Response("", status_code=303, headers={**HEADERS, "Location": to, **headers}, cookies=list(cookies))
