"""HEAD is answered by the route of GET, without its body."""

import asyncio

from tests.platform.observability.requests.application import asgi, observed


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
