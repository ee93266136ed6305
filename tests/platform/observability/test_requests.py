"""Every request, seen through the whole application: its id, its one line, HEAD, and a failure inside."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.config.cors import CORSConfig
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from app.platform.observability.identity import IDS
from app.platform.observability.requests import Observed

FALLBACK = b'{"status":500,"title":"Internal Server Error"}'
USER = uuid4()
CANARY = "canary-2718"
log = structlog.get_logger()


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


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def app(lines: list[dict[str, Any]], written: list[bytes]) -> Litestar:
    app = Litestar(
        HANDLERS,
        openapi_config=None,
        logging_config=None,
        cors_config=CORSConfig(allow_origins=["https://front.example"]),
    )

    def write(make: Callable[[], bytes]) -> None:
        line = make()
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        written.append(line)
        lines.append(json.loads(line))

    app.asgi_handler = Observed(app.asgi_handler, fallback=FALLBACK, write=write)
    return app


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client


# Ids


@pytest.mark.parametrize("sane", ["7", "a" * 128, "0c1b.D-2_e"], ids=["short", "longest", "every kind"])
async def test_sane_id_is_kept(client, lines, sane):
    answer = await client.get("/articles/whales", headers={"X-Request-ID": sane})

    assert answer.headers.get_list("x-request-id") == [sane]
    assert lines[0]["request_id"] == sane
    assert "correlation_id" not in lines[0]


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"a" * 129,
        b"a" * 10_000,
        b"one\ntwo",
        b"one\n",
        b'"},{"',
        "é".encode(),
        "é".encode("latin-1"),
        b"a b",
        b"\0",
    ],
    ids=["empty", "too long", "10 kB", "newline", "ends in newline", "json", "utf-8", "latin-1", "space", "nul"],
)
@pytest.mark.parametrize("name", [b"x-request-id", b"x-correlation-id"], ids=["request", "correlation"])
async def test_hostile_id_is_replaced(app, lines, name, hostile):
    sent = await asgi(app, headers=[(name, hostile)])

    fresh = dict(sent[0]["headers"])[b"x-request-id"].decode()
    assert len(fresh) == 32
    assert int(fresh, 16)
    assert lines[0]["request_id"] == fresh
    assert "correlation_id" not in lines[0]


async def test_fresh_ids_differ(client, lines):
    await client.get("/ids")
    await client.get("/ids")

    assert lines[0]["request_id"] != lines[1]["request_id"]


async def test_correlation_id_is_known_inside_and_logged_beside_the_request_id(client, lines):
    answer = await client.get("/ids", headers={"X-Request-ID": "r-1", "X-Correlation-ID": "c-1"})

    assert answer.json() == {"request": "r-1", "correlation": "c-1", "thread": "r-1"}
    assert (lines[0]["request_id"], lines[0]["correlation_id"]) == ("r-1", "c-1")
    assert IDS.get() is None


async def test_concurrent_requests_know_their_own_ids(client):
    async with asyncio.TaskGroup() as group:
        asked = {f"r-{n}": group.create_task(client.get("/ids", headers={"X-Request-ID": f"r-{n}"})) for n in range(50)}

    for own, answer in asked.items():
        assert set(answer.result().json().values()) == {own}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/articles/whales", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/articles/whales", 405),
        ("HEAD", "/sign-in", 405),
        ("POST", "/sign-in", 400),
        ("GET", "/closed", 401),
        ("GET", "/broken", 500),
    ],
    ids=["found", "unknown route", "wrong method", "HEAD of a POST", "no body", "unauthenticated", "broken"],
)
async def test_every_answer_has_its_id_and_one_line(client, lines, method, path, status):
    answer = await client.request(method, path, headers={"X-Request-ID": "r-1"})

    assert answer.status_code == status
    assert answer.headers.get_list("x-request-id") == ["r-1"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [(method, path, status)]


async def test_preflight_has_its_id_and_its_line(client, lines):
    asking = {"Origin": "https://front.example", "Access-Control-Request-Method": "GET"}
    answer = await client.options("/articles/whales", headers=asking)

    assert answer.headers["access-control-allow-origin"] == "https://front.example"
    assert answer.headers["x-request-id"] == lines[0]["request_id"]
    assert (lines[0]["method"], lines[0]["route"]) == ("OPTIONS", "unmatched")


async def test_id_that_the_application_set_itself_is_not_doubled():
    message = {"type": "http.response.start", "status": 200, "headers": [(b"X-Request-Id", b"old"), (b"a", b"b")]}

    async def inner(scope, receive, send):
        await send(message)
        await send({"type": "http.response.body", "body": b""})

    sent = await asgi(observed(inner), headers=[(b"x-request-id", b"new")])

    assert sent[0]["headers"] == [(b"a", b"b"), (b"x-request-id", b"new")]
    assert message["headers"][0] == (b"X-Request-Id", b"old")  # an application may send the same message to others


# The access line


async def test_access_line_says_what_happened(client, lines):
    answer = await client.get("/mine", headers={"X-Request-ID": "r-1"})

    line = lines[0]
    assert line.pop("timestamp").endswith("Z")
    assert 0 < line.pop("ms") < 10_000
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "r-1",
        "method": "GET",
        "path": "/mine",
        "route": "/mine",
        "status": 200,
        "bytes": len(answer.content),
        "client": "127.0.0.1",
        "user": str(USER),
    }


async def test_anonymous_caller_has_no_user_in_the_line():
    async def inner(scope, receive, send):
        scope["user"] = Caller(None)
        await answer_ok(send)

    written = []
    await asgi(observed(inner, written))

    assert "user" not in json.loads(written[0])


async def test_route_is_the_template(client, lines):
    await client.get("/articles/of-whales")

    assert (lines[0]["path"], lines[0]["route"]) == ("/articles/of-whales", "/articles/{slug}")


async def test_path_of_any_text_is_one_bounded_line(app, lines):
    await asgi(app, path="/" + "é\n\u2028\0\udcff" * 1000)

    assert lines[0]["path"].startswith("/é\n\u2028\0\\udcff")
    assert len(lines[0]["path"]) < 1200


async def test_a_token_that_stands_in_a_path_by_mistake_is_in_no_line(client, lines):
    for path in ("/articles", "/nowhere"):
        await client.get(f"{path}/lh_link_{'x' * 43}/y")
    assert [line["path"] for line in lines] == ["/articles/lh_***/y", "/nowhere/lh_***/y"]


async def test_secrets_of_a_request_are_in_no_line(client, written, logged):
    headers = {"Authorization": f"Bearer {CANARY}", "X-Api-Key": CANARY}
    body = {"email": "a@example.com", "password": CANARY}
    client.cookies.set("session", CANARY)

    await client.post(f"/sign-in?token={CANARY}", json=body, headers=headers)
    await client.get(f"/reset/{CANARY}?token={CANARY}", headers=headers)
    await client.get(f"/broken?token={CANARY}", headers=headers)

    assert len(written) == 3
    assert CANARY not in b"".join(written).decode()
    assert CANARY not in json.dumps(logged())


async def test_client_that_left_before_an_answer_is_a_499():
    async def inner(scope, receive, send):
        raise asyncio.CancelledError

    written = []
    with pytest.raises(asyncio.CancelledError):
        await asgi(observed(inner, written))

    assert json.loads(written[0])["status"] == 499


async def test_without_a_writer_there_is_no_access_log():
    async def inner(scope, receive, send):
        await answer_ok(send)

    sent = await asgi(Observed(inner, fallback=FALLBACK, write=None))

    assert sent[0]["status"] == 200


# HEAD


async def test_head_is_answered_by_the_get_route(client, lines):
    got = await client.get("/articles/whales", headers={"X-Request-ID": "r-1"})
    head = await client.head("/articles/whales", headers={"X-Request-ID": "r-1"})

    assert (head.status_code, head.content, head.headers) == (200, b"", got.headers)
    assert int(head.headers["content-length"]) == len(got.content)
    assert (lines[1]["method"], lines[1]["bytes"], lines[1]["route"]) == ("HEAD", 0, "/articles/{slug}")


async def test_head_of_an_endless_stream_ends(client, lines):
    async with asyncio.timeout(5):
        head = await client.head("/endless")

    assert (head.status_code, head.content) == (200, b"")
    assert lines[0]["bytes"] == 0


async def test_head_sends_one_empty_body():
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    sent = await asgi(observed(inner), method="HEAD")

    assert sent[1:] == [{"type": "http.response.body", "body": b"", "more_body": False}]


# Failures


async def test_exception_that_escapes_is_answered_and_logged_once(logged):
    async def inner(scope, receive, send):
        raise ZeroDivisionError(CANARY)

    written = []
    sent = await asgi(observed(inner, written), headers=[(b"x-request-id", b"r-1")])

    assert sent[0]["status"] == 500
    assert dict(sent[0]["headers"]) == {
        b"content-type": b"application/problem+json",
        b"content-length": b"%d" % len(FALLBACK),
        b"x-request-id": b"r-1",
    }
    assert sent[1]["body"] == FALLBACK
    [line] = logged()
    assert (line["event"], line["level"], line["request_id"]) == ("unhandled exception", "error", "r-1")
    assert line["exception"].count("Traceback") == 1
    assert f"ZeroDivisionError: {CANARY}" in line["exception"]
    assert json.loads(written[0])["status"] == 500


async def test_answer_that_has_started_is_left_broken_off(logged):
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    written = []
    sent = await asgi(observed(inner, written))

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert [line["event"] for line in logged()] == ["unhandled exception"]
    assert json.loads(written[0])["bytes"] == 4


async def test_failed_head_has_the_fallback_without_its_body(logged):
    async def inner(scope, receive, send):
        raise ZeroDivisionError

    sent = await asgi(observed(inner), method="HEAD")

    assert dict(sent[0]["headers"])[b"content-length"] == b"%d" % len(FALLBACK)
    assert sent[1]["body"] == b""
    assert len(logged()) == 1


# Other scopes


async def test_websocket_has_its_id_and_one_line(app, lines):
    sent = await talk_to(app, "/talk")

    assert sent[0]["type"] == "websocket.accept"
    assert (b"x-request-id", b"r-1") in list(sent[0]["headers"])
    assert sent[1]["text"] == "ér-1"
    [line] = lines
    assert (line["event"], line["status"], line["route"], line["bytes"]) == ("websocket", 101, "/talk", 5)


async def test_websocket_refused_before_it_was_accepted_is_a_403(lines):
    async def inner(scope, receive, send):
        await send({"type": "websocket.close", "code": 4403})

    written = []
    await talk_to(observed(inner, written), "/talk")

    assert json.loads(written[0])["status"] == 403


async def test_websocket_that_fails_is_closed_and_logged_once(logged):
    async def inner(scope, receive, send):
        await send({"type": "websocket.accept"})
        raise ZeroDivisionError

    written = []
    sent = await talk_to(observed(inner, written), "/talk")

    assert sent[-1] == {"type": "websocket.close", "code": 1011, "reason": ""}
    assert [line["event"] for line in logged()] == ["unhandled exception"]
    assert len(written) == 1


async def test_lifespan_passes_untouched():
    seen = []

    async def inner(scope, receive, send):
        seen.append((scope, receive, send))

    scope, receive, send = {"type": "lifespan"}, object(), object()
    await observed(inner)(scope, receive, send)

    assert seen == [({"type": "lifespan"}, receive, send)]


# Parts


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
