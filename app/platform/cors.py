"""CORS: which other origins' pages may read the answers."""

from collections.abc import Awaitable, Iterable
from typing import Any

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from app.kit.errors import AppError
from app.platform.problems import send_problem

Headers = list[tuple[bytes, bytes]]

ANY = "*"
EXPOSED = (
    b"access-control-expose-headers",
    b"ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID",
)
CREDENTIALS = (b"access-control-allow-credentials", b"true")
PREFLIGHT = [
    (b"access-control-allow-methods", b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Correlation-ID, X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
]


class CrossOrigin:
    """Answers preflights, and says with every answer, a refusal too, whose pages may read it.

    Litestar's own middleware is not used: it says so to requests that name an origin alone. A cache would then keep
    what somebody else was answered, and hand it to a page that cannot read it.
    """

    __slots__ = ("_app", "_others", "_told")

    def __init__(self, app: ASGIApp, origins: Iterable[str], *, credentials: bool = False) -> None:
        """`credentials`: whether those pages may send cookies along, and read what is answered to them."""
        self._app = app
        more = [CREDENTIALS] if credentials else []
        self._told = {origin.encode(): [*_told(origin), *more] for origin in origins if origin != ANY}
        self._others: Headers = _told(ANY) if ANY in origins else [(b"vary", b"Origin")] if self._told else []

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI callable; no coroutine of its own for what it lets pass."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        origin = _given(scope, b"origin")
        told = self._told.get(origin, self._others)
        if told:
            send = _telling(told, send)
        if origin and scope["method"] == "OPTIONS":
            if EXPOSED not in told:
                return send_problem(AppError(detail="Disallowed CORS origin"), scope, receive, send)
            if _given(scope, b"access-control-request-method"):
                return _answer_preflight(send)
        return self._app(scope, receive, send)


def _told(origin: str) -> Headers:
    varies = [] if origin == ANY else [(b"vary", b"Origin")]
    return [(b"access-control-allow-origin", origin.encode()), EXPOSED, *varies]


def _given(scope: HTTPScope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


def _telling(told: Headers, send: Send) -> Send:
    def tell(message: Any) -> Awaitable[None]:
        if message["type"] != "http.response.start":
            return send(message)
        marked: Any = {**message, "headers": [*message.get("headers", ()), *told]}
        return send(marked)

    return tell


async def _answer_preflight(send: Send) -> None:
    """Whatever is asked for: the browser compares."""
    await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
