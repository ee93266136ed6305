"""WebSockets have their id and their line too; the lifespan passes untouched."""

import json

from tests.platform.observability.requests.application import observed, talk_to


async def test_websocket_has_its_id_and_one_line(app, lines):
    sent = await talk_to(app, "/talk")

    assert sent[0]["type"] == "websocket.accept"
    assert (b"x-request-id", b"r-1") in list(sent[0]["headers"])
    assert sent[1]["text"] == "ér-1"
    [line] = lines
    assert (line["event"], line["status"], line["route"], line["bytes"]) == ("websocket", 101, "/talk", 5)


async def test_websocket_refused_before_it_was_accepted_is_a_403():
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
