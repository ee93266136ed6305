"""The door of the site: one mounted application, which is made when it is first asked for."""

from typing import Any
from urllib.parse import unquote

from litestar.types import Receive, Send

from app.domain.admin.opening import opened
from app.kit.errors import AppError, NotFound, TooLarge
from app.kit.identity import ANONYMOUS, Viewer
from app.platform.handlers import mounted
from app.platform.security import PUBLIC

# Styles and scripts of the pages are inline, and Alpine evaluates what stands in attributes: so much must be allowed to
# them, but nothing from elsewhere, and nobody may frame them. Forms go to this origin alone.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PATH = "/admin"
MOST_IMPORTED = 21_000_000  # bytes: a file of 20 MB in its form
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
]


@mounted(PATH, permission=PUBLIC, forgets_viewers=True)
async def admin_site(scope: Any, receive: Receive, send: Send) -> None:
    """Everything under /admin. Who is not staff sees the sign-in page alone. Raises NotFound where it is off."""
    path = scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
    try:
        if scope["type"] != "http" or (path != PATH and not path.startswith(f"{PATH}/")):
            raise NotFound("path")
        await _answer(scope, receive, send)
    except AppError:
        scope["path"] = unquote(path)  # the router left the rest of it; a refusal names all
        raise


async def _answer(scope: Any, receive: Receive, send: Send) -> None:
    scope["path_template"] = PATH  # for the log and the metrics: a mount has none
    state = scope["litestar_app"].state
    if not state.settings.http.admin_enabled:
        raise NotFound("path")
    site = await opened(state)

    async def guarded(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    viewer: Viewer = scope.get("user", ANONYMOUS)  # nobody is looked for where one asks for the OPTIONS
    limit = MOST_IMPORTED if viewer.is_session else state.settings.http.max_body_bytes
    await site(scope, _bounded(receive, limit), guarded)


def _bounded(receive: Receive, limit: int) -> Receive:
    """Bodies that are read here are not read by Litestar, which else sees to their size. Raises TooLarge."""
    taken = 0

    async def take() -> Any:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLarge
        return message

    return take
