"""Each request is one line of the log, which says what happened and tells no secret."""

import asyncio
import json

import pytest

from app.platform.observability.requests import Observed
from tests.platform.observability.requests.application import CANARY, FALLBACK, USER, Caller, answer_ok, asgi, observed


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
