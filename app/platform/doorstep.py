"""What is settled before any route is looked for: requests that servers read differently, and answers to OPTIONS."""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from app.kit.errors import AppError, Malformed, NotFound
from app.platform.problems import allow, send_problem


class Doorstep:
    """Stands before the router, and lets nothing in that a proxy may have checked as something else.

    HTTP/1.1 wants one Host (RFC 9112, 3.2): of two, a proxy may have taken the other one. The router passes over empty
    segments and reads `%2F` as a slash: `DELETE /things//part` would be meant for the thing `part`.
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
                return send_problem(refusal, scope, receive, send)
            if scope["method"] == "OPTIONS":
                return self._app(scope, receive, self._telling_methods(scope, send))
        return self._app(scope, receive, send)

    def _telling_methods(self, scope: HTTPScope, send: Send) -> Send:
        """Litestar tells only the methods that a path was begun with."""

        def tell(message: Any) -> Awaitable[None]:
            template = scope.get("path_template")
            if message["type"] != "http.response.start" or template not in self._methods:
                return send(message)
            others = [pair for pair in message["headers"] if pair[0].lower() != b"allow"]
            methods = allow(self._methods[template]).encode()
            corrected: Any = {**message, "headers": [*others, (b"allow", methods)]}
            return send(corrected)

        return tell


def _refusal(scope: HTTPScope) -> AppError | None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    # granian writes an empty one where there is none, as HTTP/1.0 allows.
    if len(hosts) > 1 or (not any(hosts) and scope["http_version"] == "1.1"):
        return Malformed("header:host", "must be given once")
    path = scope.get("raw_path", b"")
    if b"//" in path or b"%2f" in path.lower():
        return NotFound("path")
    return None


def methods_of(app: Litestar) -> dict[str, set[str]]:
    """The methods of each path, by its template."""
    return {route.path_format: set(route.methods) for route in app.routes if isinstance(route, HTTPRoute)}
