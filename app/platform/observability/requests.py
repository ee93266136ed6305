"""What every request meets before any router: its id, its access line, its metrics, HEAD, and the last resort."""

from collections.abc import Callable

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

from app.platform.observability.exchange import AnsweredHead, Conversation, Exchange
from app.platform.observability.identity import IDS
from app.platform.observability.lines import STDOUT

log = structlog.get_logger(__name__)

Write = Callable[[Callable[[], bytes]], None]


class Observed:
    """The whole ASGI application, observed; also what a router's middleware never sees: 404, 405, preflights.

    `fallback` is the problem document that is sent with 500 when an exception escapes the application. `write` takes
    what makes each access line, its newline included, on the event loop; None: no access log.
    """

    __slots__ = ("_app", "_fallback", "_write")

    def __init__(self, app: ASGIApp, *, fallback: bytes, write: Write | None = STDOUT.later) -> None:
        self._app = app
        self._fallback = fallback
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI callable."""
        if scope["type"] == "http":
            exchange = AnsweredHead(scope, send) if scope["method"] == "HEAD" else Exchange(scope, send)
        elif scope["type"] == "websocket":
            exchange = Conversation(scope, send)
        else:
            await self._app(scope, receive, send)
            return
        exchange.began()
        token = IDS.set(exchange.ids)
        try:
            await self._app(scope, receive, exchange.send)
        except Exception:
            log.exception("unhandled exception", path=exchange.shown_path(exchange.route))  # shown to the log alone
            await exchange.refuse(self._fallback)
        finally:
            IDS.reset(token)
            exchange.ended()
            if self._write is not None:
                self._write(exchange.line)
