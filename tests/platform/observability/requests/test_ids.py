"""Every answer carries its request's id: the caller's own where it is sane, a fresh one where it is hostile."""

import asyncio

import pytest

from app.platform.observability.identity import IDS
from tests.platform.observability.requests.application import asgi, observed


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
