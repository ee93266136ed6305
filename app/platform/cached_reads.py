"""Anonymous reads, answered from memory before the framework is entered, and never later than a bound behind.

A route joins by `get(…, cached=True)`. Its answer is kept with the tables that its queries read, and is sent again as
long as none of them has been changed (`database/changes.py`). Whether one has is asked at most every `BOUND` seconds,
when somebody wants an answer: nothing has to be told, so nothing can be lost on the way, however many workers, hosts
and writers there are. Who sends a credential is never answered from here.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Iterable
from time import monotonic
from typing import Any

import asyncpg
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from app.kit.errors import AppError
from app.platform.database.changes import Changes
from app.platform.handlers import Endpoint, etag_of
from app.platform.statements.compiled import TABLES_READ

BOUND = 0.02  # seconds that an answer may be behind what is committed
LARGEST_SHARE = 8  # no answer takes more than this part of the memory that there is for all
HEADERS = [(b"cache-control", b"no-cache"), (b"vary", b"Authorization, Cookie")]
UNCHECKED = (AppError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

Key = tuple[str, bytes]
Message = Any


class Kept:
    """An answer, and what it was made of."""

    __slots__ = ("body", "etag", "route", "seen", "size", "start", "tables", "unchanged")

    def __init__(self, start: Message, body: Message, route: str) -> None:
        self.etag = etag_of(body["body"]).encode()
        told = [*HEADERS, (b"etag", self.etag)]
        self.start: Message = {**start, "headers": [*start["headers"], *told]}
        self.body = body
        self.unchanged: Message = {"type": "http.response.start", "status": 304, "headers": told}
        self.route = route
        self.size = len(body["body"]) + 2_000  # with its headers, its key and what Python needs for them
        self.seen = 0
        self.tables: frozenset[str] = frozenset()

    async def send(self, scope: Any, send: Send, asked: bytes) -> None:
        """Send it, or that it is what the client has."""
        scope["path_template"] = self.route  # for the log and the metrics, as the router would
        if self.etag in asked:
            await send(self.unchanged)
            await send(NO_BODY)
        else:
            await send(self.start)
            await send(self.body)


NO_BODY: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class CachedReads:
    """Stands before the router. `capacity`: bytes of memory for what is kept; 0 keeps nothing."""

    def __init__(self, app: ASGIApp, paths: re.Pattern[str], changes: Changes, capacity: int) -> None:
        self._app = app
        self._is_cached = paths.fullmatch
        self._changes = changes
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._underway: dict[Key, asyncio.Event] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI callable; no coroutine of its own for what it does not answer."""
        if scope["type"] == "http" and scope["method"] == "GET" and self._is_cached(scope["path"]):
            asked = b""
            for name, value in scope["headers"]:
                if name in (b"authorization", b"cookie"):
                    break
                if name == b"if-none-match":
                    asked = value
            else:
                return self._answer(scope, receive, send, asked)
        return self._app(scope, receive, send)

    def _answer(self, scope: Any, receive: Receive, send: Send, asked: bytes) -> Awaitable[None]:
        """At once where it is known to be good.

        A client whose ETag is another one may have it from a write: what it is shown is then as new as its request.
        """
        key = scope["path"], scope["query_string"]
        kept, changes = self._kept.get(key), self._changes
        since = monotonic()
        if not asked or (kept is not None and kept.etag in asked):
            since -= BOUND
        if kept is None or changes.checked_at < since or not changes.none_since(kept.seen, kept.tables):
            return self._find(key, since, scope, receive, send, asked)
        self._kept.move_to_end(key)
        return kept.send(scope, send, asked)

    async def _find(self, key: Key, since: float, scope: Any, receive: Receive, send: Send, asked: bytes) -> None:
        """In memory, else in the one computation that is underway, else by the application."""
        try:
            kept = await self._current(key, since)
            if kept is None and (underway := self._underway.get(key)) is not None:
                await underway.wait()
                kept = await self._current(key, since)
        except UNCHECKED:  # the application tells it better
            return await self._app(scope, receive, send)
        if kept is not None:
            return await kept.send(scope, send, asked)
        return await self._compute(key, scope, receive, send, asked)

    async def _current(self, key: Key, since: float) -> Kept | None:
        changes = self._changes
        if changes.checked_at < since:
            await changes.check(since)
        kept = self._kept.get(key)
        if kept is None:
            return None
        if not changes.none_since(kept.seen, kept.tables):
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    async def _compute(self, key: Key, scope: Any, receive: Receive, send: Send, asked: bytes) -> None:
        """Have it answered by the application, and keep the answer."""
        seen = self._changes.seen
        done = asyncio.Event()
        self._underway.setdefault(key, done)
        tables: set[str] = set()
        token = TABLES_READ.set(tables)
        answer = Answer(send)
        try:
            await self._app(scope, receive, answer.hear)
            if answer.body is not None:
                kept = Kept(answer.start, answer.body, scope["path_template"])
                kept.seen, kept.tables = seen, frozenset(tables)
                self._keep(key, kept)
        finally:
            TABLES_READ.reset(token)
            if self._underway.get(key) is done:
                del self._underway[key]
            done.set()
        if answer.body is not None:
            await kept.send(scope, send, asked)

    def _keep(self, key: Key, kept: Kept) -> None:
        """Unless a change of its tables would go unnoticed, or it is too large."""
        if not kept.tables or not kept.tables <= self._changes.marked or kept.size * LARGEST_SHARE > self._capacity:
            return
        self._drop(key)
        self._kept[key] = kept
        self._size += kept.size
        while self._size > self._capacity:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.size


class Answer:
    """An answer as it is sent: 200 and whole it is held back, to be kept; any other passes."""

    __slots__ = ("_send", "body", "start")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.start: Message = None
        self.body: Message = None

    async def hear(self, message: Message) -> None:
        """What the application calls to answer."""
        if message["type"] == "http.response.start" and message["status"] == 200:
            self.start = message
        elif self.start is None:
            await self._send(message)
        elif message.get("more_body"):
            start, self.start = self.start, None
            await self._send(start)
            await self._send(message)
        else:
            self.body = message


def cached_paths(app: Litestar) -> re.Pattern[str]:
    """What the paths of the routes that are declared `cached` look like."""
    routes = [route for route in app.routes if isinstance(route, HTTPRoute) and _is_cached(route.route_handlers)]
    return re.compile(
        "|".join(re.sub(r"\\{[^/]+\\}", "[^/]+", re.escape(route.path_format)) for route in routes) or "$."
    )


def _is_cached(handlers: Iterable[Any]) -> bool:
    return any(isinstance(handler, Endpoint) and handler.cached for handler in handlers)
