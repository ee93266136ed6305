"""One request and its answer as they pass by: what is noted of them, and what little is changed on the way."""

import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter, time
from typing import Any

import msgspec
from litestar.types import Message, Scope, Send

from app.platform.observability.censor import is_secret, scrubbed
from app.platform.observability.identity import ids_of
from app.platform.observability.metrics import TRAFFIC

CLIENT_GONE = 499  # nginx's number for a request that ended with nobody answered
LONGEST_PATH = 512
UNMATCHED = "unmatched"
REPLAYED = "replayed"  # in the scope of a request that was answered as before, by its Idempotency-Key


class AccessLine(msgspec.Struct, omit_defaults=True, gc=False):
    """One request in the log. The query is left out on purpose: tokens travel there."""

    timestamp: datetime
    level: str
    event: str
    request_id: str
    method: str
    path: str
    route: str
    status: int
    ms: float
    bytes: int
    client: str | None = None
    correlation_id: str | None = None
    user: Any = None
    replayed: bool = False


_encode = msgspec.json.Encoder(enc_hook=str).encode


class Exchange:
    """An HTTP request and its answer."""

    _event = "request"
    __slots__ = (
        "_end",
        "_ended_at",
        "_id_header",
        "_method",
        "_path",
        "_scope",
        "_send",
        "_size",
        "_start",
        "ids",
        "status",
    )

    def __init__(self, scope: Scope, send: Send) -> None:
        self._start = perf_counter()
        self._end = self._ended_at = 0.0
        self._scope: Any = scope
        self._send = send
        self._method = self._scope.get("method", "GET")
        self._path = scope["path"]  # noted now: a router leaves only the rest of it to what is mounted
        self._size = 0
        self.ids = ids_of(scope["headers"])
        self._id_header = (b"x-request-id", self.ids.request.encode())
        self.status = 0  # until the answer has started

    def began(self) -> None:
        """Before the application is entered."""
        TRAFFIC.in_progress += 1

    def send(self, message: Any) -> Awaitable[None]:
        """What the application calls to answer. No coroutine of its own: each costs a third of a microsecond."""
        kind = message["type"]
        if kind == "http.response.body":
            self._size += len(message.get("body", b""))
            if not message.get("more_body"):
                self._end = perf_counter()
        elif kind == "http.response.start":
            self.status = message["status"]
            message = self._with_id(message)
        return self._send(message)

    def _with_id(self, message: Any) -> Message:
        """A copy: the application may keep its message and send it again to somebody else."""
        headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"x-request-id"]
        headers.append(self._id_header)
        return {**message, "headers": headers}

    async def refuse(self, document: bytes) -> None:
        """Answer 500 with the document, unless an answer has started: that one is left broken off, so that it shows."""
        if self.status:
            return
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(document))]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": document, "more_body": False})

    def ended(self) -> None:
        """After the application returned."""
        self._end, self._ended_at = self._end or perf_counter(), time()
        self.status = self.status or CLIENT_GONE
        TRAFFIC.in_progress -= 1
        TRAFFIC.count(self._method, self.route, self.status, self._end - self._start)

    @property
    def route(self) -> str:
        """The template of the path, as Litestar's router leaves it in the scope."""
        return self._scope.get("path_template") or UNMATCHED

    def shown_path(self, route: str) -> str:
        """The path as a log may show it: of bounded length, without tokens, its template where it holds a secret."""
        path = route if _holds_secret(route) else self._path[:LONGEST_PATH]
        return scrubbed(path) if "lh_" in path else path  # a link that was put together wrongly, say

    def line(self) -> bytes:
        """The access line, with its newline, once the request has ended."""
        request, correlation = self.ids
        route = self.route
        client = self._scope.get("client")
        line = AccessLine(
            timestamp=datetime.fromtimestamp(self._ended_at, UTC),
            level="info",
            event=self._event,
            request_id=request,
            method=self._method[:LONGEST_PATH],
            path=self.shown_path(route),
            route=route,
            status=self.status,
            ms=round((self._end - self._start) * 1000, 3),
            bytes=self._size,
            client=client[0] if client else None,
            correlation_id=None if correlation == request else correlation,
            user=getattr(self._scope.get("user"), "id", None),
            replayed=REPLAYED in self._scope,
        )
        try:
            return _encode(line) + b"\n"
        except UnicodeEncodeError:  # a lone surrogate: the server decoded bytes that were no UTF-8
            line.path = line.path.encode(errors="backslashreplace").decode()
            return _encode(line) + b"\n"


@lru_cache(4096)
def _holds_secret(route: str) -> bool:
    """Whether a path of this route has a secret in it, as in `/reset/{token}`."""
    return any(is_secret(name) for name in re.findall(r"{(\w+)", route))


class AnsweredHead(Exchange):
    """HEAD, which every GET route answers: inside it is a GET, and its body stays here."""

    __slots__ = ()

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self._scope["method"] = "GET"

    def send(self, message: Any) -> Awaitable[None]:
        """Head and end of the answer. A stream stops too: after the end the server tells it that its client is gone."""
        if message["type"] == "http.response.start":
            return super().send(message)
        if self._end:
            return _nothing()
        return super().send({"type": "http.response.body", "body": b"", "more_body": False})


async def _nothing() -> None:
    pass


class Conversation(Exchange):
    """A WebSocket: one line when it is over; its hours are not mixed with the times of requests."""

    _event = "websocket"
    __slots__ = ()

    def began(self) -> None:
        """Before the application is entered; it is none of the requests in progress."""

    def send(self, message: Any) -> Awaitable[None]:
        """What the application calls to speak."""
        kind = message["type"]
        if kind == "websocket.send":
            self._size += len(message.get("bytes") or (message.get("text") or "").encode())
        elif kind == "websocket.accept":
            self.status = 101
            message = self._with_id(message)
        elif kind == "websocket.close":
            self._end = perf_counter()
            self.status = self.status or 403  # the server's answer to a handshake that is closed before it was accepted
        return self._send(message)

    async def refuse(self, document: bytes) -> None:  # noqa: ARG002  # a WebSocket has no document
        """Close it, telling only that it was our fault."""
        if not self._end:
            await self.send({"type": "websocket.close", "code": 1011, "reason": ""})

    def ended(self) -> None:
        """After the application returned."""
        self._end, self._ended_at = self._end or perf_counter(), time()
        self.status = self.status or CLIENT_GONE
