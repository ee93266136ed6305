"""What escapes the application is answered once, and logged once."""

import json

from tests.platform.observability.requests.application import CANARY, FALLBACK, asgi, observed


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
