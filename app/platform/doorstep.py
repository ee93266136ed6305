"""What is settled before any route is looked for: requests that servers read differently, and answers to OPTIONS."""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from litestar import Litestar, Request
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from app.kit.errors import AppError, Malformed, NotFound
from app.platform.problems import allow, refuse


class Doorstep:
    """Stands before the router, and lets nothing in that a proxy may have checked as something else.

    HTTP/1.1 wants one Host (RFC 9112, 3.2): of two, a proxy may have taken the other one. The router passes over empty
    segments and reads `%2F` as a slash: `DELETE /articles//favorite` would be meant for the article `favorite`.
    """

    __slots__ = ("_app", "_methods")

    def __init__(self, app: ASGIApp, methods: Mapping[str, Iterable[str]]) -> None:
        self._app = app
        self._methods = methods

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI callable; no coroutine of its own for what it lets pass."""
        if scope["type"] == "http":
            refusal = _refusal(scope)
            if refusal is not None:
                return _answer(refusal, scope, receive, send)
            if scope["method"] == "OPTIONS":
                return self._tell_options(scope, receive, send)
        return self._app(scope, receive, send)

    async def _tell_options(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Litestar refuses a preflight in plain text, and tells only the methods that a path was begun with."""
        messages: list[Any] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        start = messages[0]
        template = scope.get("path_template")  # a preflight is answered before there is one
        if template is None and start["status"] == 400:
            text = b"".join(message.get("body", b"") for message in messages[1:])
            await _answer(AppError(detail=text.decode()), scope, receive, send)
            return
        if template in self._methods:
            start["headers"] = [(b"allow", allow(self._methods[template]).encode())]
        for message in messages:
            await send(message)


def _refusal(scope: HTTPScope) -> AppError | None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    # granian writes an empty one where there is none, as HTTP/1.0 allows.
    if len(hosts) > 1 or (not any(hosts) and scope["http_version"] == "1.1"):
        return Malformed("header:host", "must be given once")
    path = scope.get("raw_path", b"")
    if b"//" in path or b"%2f" in path.lower():
        return NotFound("path")
    return None


async def _answer(refusal: AppError, scope: HTTPScope, receive: Receive, send: Send) -> None:
    request: Request = Request(scope, receive, send)
    await refuse(request, refusal).to_asgi_response(app=None, request=request)(scope, receive, send)


def methods_of(app: Litestar) -> dict[str, set[str]]:
    """The methods of each path, by its template."""
    return {route.path_format: set(route.methods) for route in app.routes if isinstance(route, HTTPRoute)}
