"""A small application whose handlers show what Observed does, and calls that no HTTP client would make."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

from litestar import Request, WebSocket, get, post, websocket
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from app.platform.observability.identity import IDS
from app.platform.observability.requests import Observed

FALLBACK = b'{"status":500,"title":"Internal Server Error"}'
USER = uuid4()
CANARY = "canary-2718"


class Caller:
    """What an authenticator leaves in the scope."""

    def __init__(self, id: UUID | None) -> None:  # noqa: A002
        self.id = id


@get("/articles/{slug:str}")
async def read_article(slug: FromPath[str]) -> dict[str, str]:
    return {"slug": slug}


@get("/reset/{reset_token:str}")
async def reset(reset_token: FromPath[str]) -> str:
    return reset_token


@post("/sign-in")
async def sign_in(data: JSONBody[dict[str, Any]]) -> dict[str, str]:
    return {"user": data["email"]}


@get("/mine")
async def read_mine(request: Request) -> str:
    request.scope["user"] = Caller(USER)
    return "yours"


@get("/closed")
async def refuse() -> None:
    raise NotAuthorizedException


@get("/broken")
async def break_down() -> None:
    raise ZeroDivisionError(CANARY)


@get("/ids")
async def tell_ids() -> dict[str, Any]:
    await asyncio.sleep(0.001)
    async with asyncio.TaskGroup() as group:
        told = group.create_task(asyncio.to_thread(IDS.get))
    request_id, correlation_id = IDS.get()
    return {"request": request_id, "correlation": correlation_id, "thread": told.result().request}


@get("/endless")
async def stream_without_end() -> Stream:
    async def bytes_without_end() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0)

    return Stream(bytes_without_end())


@websocket("/talk")
async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(f"é{IDS.get().request}")
    await socket.close()


HANDLERS = [read_article, reset, sign_in, read_mine, refuse, break_down, tell_ids, stream_without_end, talk]


def observed(inner: Callable[..., Any], written: list[bytes] | None = None) -> Any:
    kept = [] if written is None else written
    return Observed(inner, fallback=FALLBACK, write=lambda make: kept.append(make()))


async def answer_ok(send: Callable[..., Any]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


async def asgi(app: Any, *, method="GET", path="/articles/whales", headers=()) -> list[dict[str, Any]]:
    """Call an ASGI application with what no HTTP client would send."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "headers": headers,
    }
    return await _call(app, scope | {"query_string": b"", "client": None, "asgi": {"version": "3.0"}})


async def talk_to(app: Any, path: str) -> list[dict[str, Any]]:
    headers = [(b"x-request-id", b"r-1")]
    scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"", "client": ("127.0.0.1", 1)}
    return await _call(app, scope | {"subprotocols": [], "asgi": {"version": "3.0"}}, "websocket.connect")


async def _call(app: Any, scope: dict[str, Any], first: str = "http.request") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    received = iter([{"type": first, "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(received, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent
