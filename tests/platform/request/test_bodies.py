"""A body is JSON of its type, whole and in time, or one document says all that is wrong with it and the query."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.platform.request.application import made


async def test_the_handler_gets_its_struct(client):
    answer = await client.post("/notes", json={"title": "Of whales", "tagList": ["sea"], "unknown": 1})
    assert (answer.status_code, answer.json()) == (201, {"title": "Of whales", "tagList": ["sea"]})
    assert (await client.post("/many", json=[{"title": "a"}, {"title": "b"}])).json() == 2
    assert (await client.post("/anything", json={"a": [1, None]})).json() == {"a": [1, None]}


async def test_query_and_body_are_refused_together_before_any_dependency_is_made(client):
    answer = await client.post("/notes/1?copies=0", json={"title": " ", "tagList": [""]})

    assert answer.status_code == 422
    assert answer.json()["violations"] == [
        {"pointer": "query:copies", "code": "out_of_range", "text": "must be at least 1"},
        {"pointer": "/title", "code": "blank", "text": "can't be blank"},
        {"pointer": "/tagList/0", "code": "blank", "text": "can't be blank"},
    ]
    assert answer.json()["errors"] == {
        "copies": ["must be at least 1"],
        "title": ["can't be blank"],
        "tagList": ["can't be blank"],
    }
    assert made == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/vnd.house+json",
        "application/json ; profile=x; charset=utf8",
    ],
)
async def test_json_by_any_of_its_names(client, content_type):
    answer = await client.post("/notes", content=b'{"title":"a"}', headers={"Content-Type": content_type})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/plain; application/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "multipart/form-data; boundary=json",
        "json",
    ],
)
async def test_another_media_type_is_415(client, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await client.post("/notes", content=b'{"title":"a"}', headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.headers["accept-post"].startswith("application/json")


async def test_two_media_types_are_415(client):
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    assert (await client.post("/notes", content=b'{"title":"a"}', headers=headers)).status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_what_is_compressed_is_415(client, encoding):
    answer = await client.post("/notes", json={"title": "a"}, headers={"Content-Encoding": encoding})

    assert (answer.status_code, answer.json()["errors"]) == (
        415,
        {"body": ["must be application/json, not compressed"]},
    )
    assert answer.headers["accept-encoding"] == "identity"
    plain = await client.post("/notes", json={"title": "a"}, headers={"Content-Encoding": "Identity"})
    assert plain.is_success


async def test_an_empty_body_is_malformed_where_one_is_required(client):
    answer = await client.post("/notes?limit=x")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"body": ["is empty"]})
    assert (await client.post("/optional")).json() is True
    assert (await client.post("/optional", json=None)).json() is True
    assert (await client.post("/optional", json={"title": "a"})).json() is False
    assert (await client.post("/no-body")).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"title":"\xff"}', 400),
        (b'{"title":"a","x":"\xff"}', 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"[" * 100_000, 400),
        (b'{"title":NaN}', 400),
        (b'{"title":"\\ud800"}', 400),
        (b'{"title":"a\\u0000"}', 422),
        (b'{"title":1,"title":"a"}', 422),
        (b'{"title":"a","title":"b"}', 201),
        (b"[[]" + b",[]" * 333_000 + b"]", 422),
        (b"9" * 5000, 422),
        (b"null", 422),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
async def test_a_hostile_body_is_refused_and_never_fails(client, body, status):
    answer = await client.post("/notes", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


async def test_a_body_that_is_too_large_is_413_announced_or_not(client):
    body = b'{"title":"' + b"a" * 1_000_000 + b'"}'

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 64_000):
            yield body[start : start + 64_000]

    headers = {"Content-Type": "application/json"}
    announced = await client.post("/notes", content=body, headers=headers)
    chunked = await client.post("/notes", content=in_chunks(), headers=headers)

    assert "content-length" not in chunked.request.headers
    for answer in (announced, chunked):
        assert (answer.status_code, answer.json()["errors"]) == (413, {"body": ["is too large"]})


async def test_a_body_whose_sender_leaves_is_malformed(app):
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": b'{"ti', "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/notes",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "state": {},
    }

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]

    assert sent[0]["status"] == 400
    assert msgspec.json.decode(sent[1]["body"])["errors"] == {"body": ["ended too early"]}


async def test_a_body_that_does_not_arrive_is_too_slow(app, monkeypatch):
    monkeypatch.setattr("app.platform.request.BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(30)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/notes", "query_string": b"", "headers": headers, "state": {}}
    await app(scope, receive, send)  # type: ignore[arg-type]

    assert sent[0]["status"] == 408
    assert msgspec.json.decode(sent[1]["body"])["errors"] == {"body": ["took too long to arrive"]}


async def test_forms_are_left_to_litestar(client):
    assert (await client.post("/form", data={"a": "1"})).json() == {"a": "1"}
