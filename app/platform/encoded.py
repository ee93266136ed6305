"""An answer as bytes: made before the commit, sent after it."""

from collections.abc import Mapping

from litestar.types import Receive, Scope, Send

NONE: Mapping[str, str] = {}
JSON = (b"content-type", b"application/json")


class Encoded:
    """A status, a body and headers, ready to go out."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] = NONE) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send it as JSON; without a body, neither type nor length is said."""
        headers = [JSON, (b"content-length", b"%d" % len(self.body))] if self.body else []
        for name, value in self.headers.items():
            headers.append((name.lower().encode(), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
