"""The pages by which a browser goes to a provider and comes back from it; both are plain links."""

from collections.abc import Mapping
from typing import Any

from litestar import Controller, Request, Response
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.domain.accounts.factor_schemas import SecondFactor, SecondFactorAsked
from app.domain.accounts.openid import OWN_PATH, pending_cookie
from app.domain.accounts.openid_controllers import Back
from app.domain.accounts.openid_services import Ended, IdentityService, Returned
from app.domain.accounts.pages import PAGES, refuse_on_page
from app.domain.accounts.proofs import ProofService
from app.kit.errors import AppError, TooMany, Unauthenticated
from app.kit.identity import Viewer
from app.platform.cookies import SessionCookie
from app.platform.handlers import get, post
from app.platform.http.answers import UpstreamFailed
from app.platform.pages import HEADERS, form_of
from app.platform.request import JSONRequest
from app.platform.security import PUBLIC

NOT_BY_SCRIPT = """Your second factor is a passkey alone, and this page, which has no script, cannot ask for one: nobody
is signed in yet. Sign in by the passkey itself, where you added it, for it is both factors in one. Who is signed in can
have recovery codes made, and this page takes those."""
LINKED = ("It is linked", "From now on you can sign in by it.")
ASKED_FOR = "openid_form"  # where the scope holds the form, for a refusal to show it again


def ask_again(request: Request[Any, Any, Any], error: Unauthenticated) -> Response[str]:
    """The form with what was wrong. By a refusal, so that the challenge that was taken goes on waiting."""
    form = request.scope.get(ASKED_FOR)
    if form is None:
        return refuse_on_page(request, error)
    return _asked(form.get("challenge", ""), form.get("back", ""), error)


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
            if ended.made is not None:
                await identities.leave_session(viewer)
        except AppError as refusal:
            refusal.headers |= pending.taken_back()
            raise
        shown = _shown(ended, cookie)
        shown.cookies = [_ended(pending)]
        return shown

    @post(
        permission=PUBLIC,
        tokens_only=True,  # the challenge is its own credential, and a form is no JSON
        status_code=200,
        include_in_schema=False,
        exception_handlers={Unauthenticated: ask_again},
        refuses=(TooMany,),
    )
    async def give_code(
        self, request: JSONRequest, proofs: NamedDependency[ProofService], cookie: NamedDependency[SessionCookie]
    ) -> Response[str]:
        """The second step, for who has a second factor: a code by an app, or a recovery code."""
        form = await form_of(request)
        request.scope[ASKED_FOR] = form  # ty: ignore[invalid-typed-dict-key] - a note of our own
        made = await proofs.finish(_answer(form), as_session=True)
        back = form.get("back", "")
        return _shown(Ended(made, back if OWN_PATH.fullmatch(back) else None), cookie)


def _answer(form: Mapping[str, str]) -> SecondFactor:
    """By its form it is a code or a recovery code."""
    challenge, given = form.get("challenge", ""), form.get("code", "").strip()
    is_code = given.replace(" ", "").isdecimal()
    return SecondFactor(challenge=challenge, code=given if is_code else None, recovery_code=None if is_code else given)


def _shown(ended: Ended, cookie: SessionCookie) -> Response[str]:
    """Back to where it was begun, or a page that says what came of it, or that asks for more."""
    made, back = ended
    if isinstance(made, SecondFactorAsked) and made.ways == ["passkey"]:
        return PAGES.show("refusal", 403, title="Not by this page", text=NOT_BY_SCRIPT, request_id="")
    if isinstance(made, SecondFactorAsked):
        return _asked(made.challenge, back or "")
    given = {} if made is None else cookie.given_out(made.token)
    if back is not None:
        return _led(back, given)
    title, text = LINKED if made is None else ("You are signed in", f"As {made.user.username}.")
    return PAGES.show("done", 200, given, title=title, text=text)


def _asked(challenge: str, back: str, refusal: AppError | None = None) -> Response[str]:
    fault = "" if refusal is None else f"The {refusal.detail}."
    status = 200 if refusal is None else refusal.status
    return PAGES.show("code", status, title="One more step", challenge=challenge, back=back, fault=fault)


def _led(to: str, headers: Mapping[str, str]) -> Response[str]:
    return Response("", status_code=303, headers={**HEADERS, "Location": to, **headers})


def _ended(pending: SessionCookie) -> Cookie:
    """Beside the header that may begin a session: a header of this name can be given once only."""
    return Cookie(pending.name, value="", max_age=0, httponly=True, samesite="lax", secure=pending.secure)
