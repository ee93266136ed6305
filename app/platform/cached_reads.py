"""Anonymous reads, answered from memory before the framework is entered, and never later than a bound behind.

A route joins by `get(…, cached=True)`. Its answer is kept with the tables that its queries read, and is sent again as
long as none of them has been changed (`database/changes.py`). Whether one has is asked at most every `BOUND` seconds,
when somebody wants an answer: nothing has to be told, so nothing can be lost on the way, however many workers, hosts
and writers there are. Who sends a credential is never answered from here.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from time import monotonic
from typing import Any

import asyncpg
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from app.kit.errors import AppError
from app.platform.cookies import SessionCookie
from app.platform.database.changes import Changes
from app.platform.database.refusals import translate
from app.platform.handlers import Endpoint, etag_of
from app.platform.problems import send_problem
from app.platform.statements.compiled import TABLES_READ

BOUND = 0.02  # seconds that an answer may be behind what is committed
TOLD_AGAIN = (b"cache-control", b"vary", b"etag")  # with 304 too
LARGEST_SHARE = 8  # no answer takes more than this part of the memory that there is for all
ANY = b"*"  # whatever there is
NO_BODY: Any = {"type": "http.response.body", "body": b"", "more_body": False}
UNCHECKED = (AppError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

Key = tuple[str, bytes]
Message = Any


class Kept:
    """An answer, and what it was made of."""

    __slots__ = ("body", "etag", "route", "seen", "size", "start", "tables", "unchanged")

    def __init__(self, key: Key, route: str, answer: "Answer", made_of: tuple[int, frozenset[str]]) -> None:
        body = answer.body["body"]
        self.etag = etag_of(body).encode()
        headers = [*answer.start["headers"], (b"etag", self.etag)]
        told = [pair for pair in headers if pair[0] in TOLD_AGAIN]
        self.start: Message = {**answer.start, "headers": headers}
        self.body = answer.body
        self.unchanged: Message = {"type": "http.response.start", "status": 304, "headers": told}
        self.route = route
        self.size = len(body) + len(key[0]) + len(key[1]) + 2_000  # with its headers, and what Python needs for them
        self.seen, self.tables = made_of

    async def send(self, scope: Any, send: Send, asked: bytes) -> None:
        """Send it, or that it is what the client has."""
        scope["path_template"] = self.route  # for the log and the metrics, as the router would
        if self.etag in asked or asked == ANY:
            await send(self.unchanged)
            await send(NO_BODY)
        else:
            await send(self.start)
            await send(self.body)


class CachedReads:
    """Stands before the router. `capacity`: bytes of memory for what is kept; 0 keeps nothing.

    Of cookies, the session's alone makes a reader somebody.
    """

    def __init__(
        self, app: ASGIApp, routes: Collection[str], changes: Changes, capacity: int, cookie: SessionCookie
    ) -> None:
        self._app = app
        self._routes = routes
        self._may_be_cached = _paths_of(routes).fullmatch
        self._changes = changes
        self._capacity = capacity
        self._is_somebody = cookie.is_in
        self._size = 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._underway: dict[Key, asyncio.Event] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI callable; no coroutine of its own for what it does not answer."""
        if scope["type"] == "http" and scope["method"] == "GET" and self._may_be_cached(scope["path"]):
            asked = b""
            for name, value in scope["headers"]:
                if name == b"authorization" or (name == b"cookie" and self._is_somebody(value)):
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
        except UNCHECKED as error:
            refusal = translate(error)
            if refusal is None:
                return await self._app(scope, receive, send)
            return await send_problem(refusal, scope, receive, send)
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
        answer = Answer(send, lambda: scope.get("path_template") in self._routes)
        try:
            await self._app(scope, receive, answer.hear)
            if answer.body is not None:
                kept = Kept(key, scope["path_template"], answer, (seen, frozenset(tables)))
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
    """An answer as it is sent: 200, whole and of a cached route, it is held back to be kept; any other passes."""

    __slots__ = ("_is_cached", "_send", "body", "start")

    def __init__(self, send: Send, is_cached: Callable[[], bool]) -> None:
        self._send = send
        self._is_cached = is_cached
        self.start: Message = None
        self.body: Message = None

    async def hear(self, message: Message) -> None:
        """What the application calls to answer."""
        if message["type"] == "http.response.start" and message["status"] == 200 and self._is_cached():
            self.start = message
        elif self.start is None:
            await self._send(message)
        elif message.get("more_body"):
            start, self.start = self.start, None
            await self._send(start)
            await self._send(message)
        else:
            self.body = message


def cached_routes(app: Litestar) -> frozenset[str]:
    """The paths, as templates, of the routes that are declared `cached`."""
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    return frozenset(route.path_format for route in routes if any(_is_cached(one) for one in route.route_handlers))


def _is_cached(handler: Any) -> bool:
    return isinstance(handler, Endpoint) and handler.cached


def _paths_of(routes: Iterable[str]) -> re.Pattern[str]:
    """What paths of these templates look like; before routing, others may look so too."""
    forms = [re.sub(r"\\{[^/]+\\}", "[^/]+", re.escape(route)) for route in routes]
    return re.compile("|".join(forms) or "$.")
