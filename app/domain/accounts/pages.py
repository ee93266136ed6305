"""The pages that mailed links open: GET shows a button, since scanners of mail follow links, and only POST acts."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from litestar import Controller, Request, Response
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath, QueryParameter

from app.domain.accounts.admission import SecondFactorNeeded
from app.domain.accounts.link_services import LinkService
from app.domain.accounts.links import CHANGE, Purpose
from app.kit.errors import AppError, Conflict, Invalid, TooMany, Unexpected, found
from app.platform.cookies import SessionCookie
from app.platform.handlers import get, post
from app.platform.observability.identity import IDS
from app.platform.openapi.pages import CHECKED, Asset
from app.platform.pages import Pages, form_of
from app.platform.problems import fail, of_the_house
from app.platform.ratelimit import NONE, RATE_HEADERS
from app.platform.request import JSONRequest
from app.platform.security import PUBLIC

FOLDER = Path(__file__).with_name("page_templates")
PAGES = Pages(FOLDER, "/account/style.css")
STYLE = Asset((FOLDER / "style.css").read_bytes(), "text/css; charset=utf-8", CHECKED)
SHOWN_AGAIN = "account_form"  # where the scope holds the form, for a refusal to show it again

NOT_HERE = "The link is right, and your account has a second factor, which is not asked for on this page. Sign in where"
NOT_HERE += " you do it otherwise, and have it at hand."

Token = Annotated[str, QueryParameter(max_length=200, description="The link's secret")]


class Page(NamedTuple):
    """What one kind of link shows before it is followed."""

    purposes: tuple[Purpose, ...]
    title: str
    intro: str
    button: str
    asks_name: bool = False
    asks_password: bool = False


PAGES_OF_LINKS = {
    "join": Page(
        (), "Make your account", "Choose a name and a password.", "Make the account", asks_name=True, asks_password=True
    ),
    "verify": Page((Purpose.VERIFY,), "Confirm your address", "Is this address yours?", "Confirm the address"),
    "reset": Page(
        (Purpose.RESET,),
        "Choose a new password",
        "You will be signed out wherever you are signed in.",
        "Change the password",
        asks_password=True,
    ),
    "change": Page(
        CHANGE, "Change your address", "Your account is to have this address from now on.", "Confirm the change"
    ),
    "sign-in": Page((Purpose.SIGN_IN,), "Sign in", "The link is good once.", "Sign in"),
}


class LinkPages(Controller):
    """Pages of mailed links."""

    path = "/account"
    opt = {"tokens_only": True}  # noqa: RUF012 - Litestar's; a link is its own credential, and a form is no JSON

    @get("/style.css", permission=PUBLIC, include_in_schema=False)
    async def read_style(self) -> Asset:
        """How the pages look."""
        return STYLE

    @get("/{purpose:str}", permission=PUBLIC, include_in_schema=False, refuses=(TooMany,))
    async def show_link(
        self, purpose: FromPath[str], links: NamedDependency[LinkService], token: Token = ""
    ) -> Response[str]:
        """What a mailed link does, and a button that does it."""
        page = found(PAGES_OF_LINKS.get(purpose), "page")
        link = await (links.look_at(token, *page.purposes) if page.purposes else links.look_at_joining(token))
        return _form(purpose, {"token": token, "email": link.email})

    # A new password ends tokens that are not presented here.
    @post(
        "/{purpose:str}",
        permission=PUBLIC,
        status_code=200,
        include_in_schema=False,
        forgets_viewers=True,
        refuses=(TooMany,),
    )
    async def follow_link(
        self,
        purpose: FromPath[str],
        request: JSONRequest,
        links: NamedDependency[LinkService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[str]:
        """Do what a mailed link does; who is signed in by it has a session, in place of one that the browser had."""
        found(PAGES_OF_LINKS.get(purpose), "page")
        form = await form_of(request)
        request.scope[SHOWN_AGAIN] = purpose, form  # ty: ignore[invalid-typed-dict-key] - a note of our own
        done = await FOLLOW[purpose](links, form)
        if done.session:
            await links.leave_session(cookie.given(request.scope["headers"]))
        return PAGES.show("done", headers=cookie.given_out(done.session), title=done.title, text=done.text)


class Done(NamedTuple):
    """What is shown when a link was followed, and the session that it began."""

    title: str
    text: str
    session: str | None = None


async def _join(links: LinkService, form: dict[str, str]) -> Done:
    made = await links.join(form.get("token", ""), form.get("username", ""), form.get("password", ""), as_session=True)
    return Done("Your account is made", f"You are {made.user.username}, and signed in.", made.token)


async def _verify(links: LinkService, form: dict[str, str]) -> Done:
    await links.verify(form.get("token", ""))
    return Done("Your address is confirmed", "There is nothing more to do: you may close this page.")


async def _reset(links: LinkService, form: dict[str, str]) -> Done:
    await links.reset(form.get("token", ""), form.get("password", ""))
    return Done("You have a new password", "You are signed out everywhere: sign in with the new password.")


async def _change(links: LinkService, form: dict[str, str]) -> Done:
    change = await links.change(form.get("token", ""))
    if change.changed:
        return Done("Your address is changed", f"From now on it is {change.email}.")
    return Done(
        "One of two confirmations is done",
        "The address changes when the link in the other mail, to the other address, is followed as well.",
    )


async def _sign_in(links: LinkService, form: dict[str, str]) -> Done:
    made = await links.sign_in(form.get("token", ""), as_session=True)
    return Done("You are signed in", f"As {made.user.username}.", made.token)


FOLLOW = {"join": _join, "verify": _verify, "reset": _reset, "change": _change, "sign-in": _sign_in}


def _form(purpose: str, given: dict[str, str], refusal: AppError | None = None) -> Response[str]:
    page = PAGES_OF_LINKS[purpose]
    return PAGES.show(
        "form",
        200 if refusal is None else refusal.status,
        purpose=purpose,
        title=page.title,
        intro=page.intro,
        button=page.button,
        asks_name=page.asks_name,
        asks_password=page.asks_password,
        username=given.get("username", ""),
        token=given.get("token", ""),
        email=given.get("email", ""),
        faults=[] if refusal is None else [f"The {one.field} {one.text}." for one in refusal.violations],
    )


def refuse_on_page(request: Request[Any, Any, Any], error: AppError) -> Response[str]:
    """Say on a page what an error of the house means, with the form again where it can be mended there."""
    purpose, form = request.scope.get(SHOWN_AGAIN, ("", {}))
    if isinstance(error, Invalid | Conflict) and purpose:
        return _form(purpose, form, error)
    ids = IDS.get()
    return PAGES.show(
        "refusal",
        error.status,
        {**error.headers, **request.scope.get(RATE_HEADERS, NONE)},
        title=error.title,
        text=_in_words(error),
        request_id="" if ids is None else ids.request,
    )


def _in_words(error: AppError) -> str:
    """What it means to who follows a link: as its problem page has it, in the first paragraph; when to try again."""
    if isinstance(error, SecondFactorNeeded):
        return NOT_HERE
    meaning = " ".join((type(error).__doc__ or error.title).partition("\n\n")[0].split())
    if "Retry-After" not in error.headers:
        return meaning
    return f"{error.detail}. Try again in {error.headers['Retry-After']} seconds."


def refuse_on_page_as_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    """The same for what Litestar refuses."""
    refusal = of_the_house(error)
    return fail_on_page(request, error) if refusal is None else refuse_on_page(request, refusal)


def fail_on_page(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Log what nobody foresaw, and show nothing of it."""
    fail(request, error)
    return refuse_on_page(request, Unexpected())


page_refusals: dict[int | type[Exception], Any] = {
    AppError: refuse_on_page,
    HTTPException: refuse_on_page_as_litestar,
    Exception: fail_on_page,
}
