"""Who is asking, and may they at all: one middleware that runs after routing and knows the route's permission."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import monotonic
from typing import Any, Protocol

from litestar.types import ASGIApp, Receive, Scope, Send

from app.kit.errors import Forbidden, ProofNeeded, Unauthenticated
from app.kit.identity import ANONYMOUS, Permission, Viewer
from app.platform.cookies import SessionCookie
from app.platform.database.pools import Database
from app.platform.database.refusals import translate
from app.platform.database.work import Reader
from app.platform.origins import SAFE, OwnOrigins, kept_private
from config.settings import Settings

PUBLIC = Permission("public", "anyone, signed in or not")
SELF_CHECKED = Permission("self_checked", "whom the route itself lets in, by a credential that is no user's")
SIGNED_IN = Permission("signed_in", "whoever presents a valid token, unless its scopes leave this out")
# No scope has this name: who has only a limited token must not come to an unlimited one, by a new password, say.
UNLIMITED = Permission("unlimited", "whoever presents a valid token that is not limited by scopes")

OF_THE_HOUSE = frozenset({PUBLIC, SELF_CHECKED, SIGNED_IN, UNLIMITED})  # nobody is granted these
# What a route may say of its `proof`: who must have proved a moment ago that it is them.
OF_ALL = "of_all"
OF_GUARDED = "of_guarded"  # those who have a second factor

KNOWN_SECONDS = 1.0
MOST_KNOWN = 10_000
NOBODY = (0.0, ANONYMOUS)


class Authenticator(Protocol):
    """From the credential that a client presents to the viewer whose it is."""

    async def __call__(self, reader: Reader, credential: str) -> Viewer | None:
        """The viewer, or None when it is nobody's (any more)."""
        ...

    def lifespan(self, database: Database) -> AbstractAsyncContextManager[None]:
        """What it does aside while the process lives."""
        ...


class KnownViewers:
    """Whose credentials were good a moment ago: a second at most, so that what is revoked elsewhere ends here too."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Viewer]] = {}

    def get(self, credential: str) -> Viewer | None:
        """The viewer, if asked for within the last second."""
        until, viewer = self._known.get(credential, NOBODY)
        return viewer if until > monotonic() else None

    def put(self, credential: str, viewer: Viewer, asked_at: float) -> None:
        """Know the viewer, for a second from when it was asked for: the answer is as old as the question."""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[credential] = asked_at + KNOWN_SECONDS, viewer

    def forget(self, viewer: Viewer) -> None:
        """Ask again for all of this user's credentials."""
        if viewer.id is None:
            return
        self._known = {key: entry for key, entry in self._known.items() if entry[1].id != viewer.id}

    def forget_all(self) -> None:
        """Ask again for everybody's."""
        self._known = {}


class Identity:
    """Puts Viewer and credential into the scope, as `user` and `auth`, and refuses the routes that are not for them.

    A token that is no good is 401 on public routes too: a client that believes itself signed in must hear of it. A
    browser goes on sending the cookie of a session that has ended, also to where one signs in: there it is nobody's.
    Who sends a token and a cookie is known by the token alone.

    A route's `opt`: `permission`; `proof`, by whom; `same_origin`, where a cookie is given out; `tokens_only`, where
    cookies are not looked at; `takes_forms`, where a page of ours sends forms; `changes_identity`.
    """

    def __init__(
        self, app: ASGIApp, database: Database, authenticate: Authenticator, known: KnownViewers, settings: Settings
    ) -> None:
        self._app = app
        self._reader = database.reader()
        self._authenticate = authenticate
        self._known = known  # one for all routes: Litestar makes a middleware for each of them
        self._cookie = SessionCookie.of(settings)
        self._origins = OwnOrigins(settings.http)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Unauthenticated, Forbidden, ProofNeeded, UnsupportedMediaType."""
        if scope["type"] == "http" and scope["method"] != "OPTIONS":  # which only says what could be asked
            options = scope["route_handler"].opt
            permission = options["permission"]
            scope["user"] = viewer = ANONYMOUS if permission == SELF_CHECKED else await self._viewer(scope, options)
            if viewer.is_session:
                send = kept_private(send)
            if scope["method"] not in SAFE and (viewer.is_session or options.get("same_origin")):
                self._origins.check(scope, takes_forms=options.get("takes_forms", False))
            admit(viewer, permission)
            require_proof(viewer, options.get("proof"))
            is_strangers = options.get("takes_forms") and not viewer.is_session  # who changes nothing there
            if options.get("forgets_viewers") and scope["method"] not in SAFE and not is_strangers:
                await self._forgetting(self._known.forget_all, scope, receive, send)
                return
            if options.get("changes_identity"):
                await self._forgetting(partial(self._known.forget, viewer), scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _forgetting(self, forget: Callable[[], None], scope: Scope, receive: Receive, send: Send) -> None:
        """Before, so that the next request of this client is asked anew; after, for what ran beside it meanwhile."""
        forget()
        try:
            await self._app(scope, receive, send)
        finally:
            forget()

    async def _viewer(self, scope: Scope, options: Mapping[str, Any]) -> Viewer:
        given, has_cookie = [], False
        for name, value in scope["headers"]:
            if name == b"authorization":
                given.append(value)
            elif name == b"cookie":
                has_cookie = True
        if not given:
            return await self._of_cookie(scope, options) if has_cookie and not options.get("tokens_only") else ANONYMOUS
        # Of two, a proxy may have checked the other one.
        credential = credential_of(given[0]) if len(given) == 1 else None
        viewer = await self._bearer(credential) if credential else None
        if viewer is None or viewer.is_session:
            raise Unauthenticated("token", "is invalid")
        scope["auth"] = credential
        return viewer

    async def _of_cookie(self, scope: Scope, options: Mapping[str, Any]) -> Viewer:
        credential = self._cookie.given(scope["headers"])
        viewer = await self._bearer(credential) if credential else None
        if viewer is not None and viewer.is_session:
            scope["auth"] = credential
            return viewer
        if credential and options["permission"] != PUBLIC:
            raise Unauthenticated("session", "has ended")
        return ANONYMOUS

    async def _bearer(self, credential: str) -> Viewer | None:
        viewer = self._known.get(credential)
        if viewer is None:
            asked_at = monotonic()
            try:
                viewer = await self._authenticate(self._reader, credential)
            except Exception as error:
                raise translate(error) or error from error
            if viewer is not None:
                self._known.put(credential, viewer, asked_at)
        return viewer


def credential_of(header: bytes) -> str | None:
    """The credential in an Authorization header of the schemes Bearer and Token; None when it has another form."""
    scheme, _, credential = header.decode("latin-1").partition(" ")
    return credential.strip() if scheme.lower() in {"bearer", "token"} and credential.isascii() else None


def admit(viewer: Viewer, permission: Permission) -> None:
    """Nothing where a route with this permission is open to the viewer. Raises Unauthenticated, Forbidden."""
    if permission in (PUBLIC, SELF_CHECKED):  # not `is`: Litestar copies routers, and what their routes carry
        return
    if viewer.id is None:
        raise Unauthenticated("token", "is missing")
    if not viewer.reaches(permission):
        raise Forbidden("scope")
    if permission not in (SIGNED_IN, UNLIMITED) and not viewer.may(permission):
        raise Forbidden("permission")


def require_proof(viewer: Viewer, proof: str | None) -> None:
    """Nothing where none is wanted of this viewer, or one was given a moment ago. Raises ProofNeeded."""
    if proof and (proof == OF_ALL or viewer.is_guarded) and not viewer.is_fresh:
        raise ProofNeeded
