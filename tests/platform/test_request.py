"""What a request brings, through a real Litestar: one document for all that is wrong with path, query and body."""

import asyncio
from collections.abc import AsyncIterator
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter, URLEncodedBody
from msgspec import Meta, Struct

from app.platform.problems import exception_handlers
from app.platform.request import JSONRequest, check_request

Text = Annotated[str, Meta(pattern=r"\S", max_length=100)]


class Note(Struct, rename="camel"):
    title: Text
    tag_list: list[Text] = []


class Order(Enum):
    NEWEST = "newest"
    YEAR_2026 = "2026"


made: list[str] = []


def provide_window(
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    offset: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
) -> tuple[int, int]:
    made.append("window")
    return limit, offset


def provide_work() -> str:
    made.append("work")
    return "work"


@post("/notes")
async def write_note(data: JSONBody[Note], request: JSONRequest) -> Note:
    assert await request.json() is data  # decoded once, untouched by the signature's own conversion
    return data


@post("/notes/{number:int}")
async def write_note_in(
    number: FromPath[int],
    data: JSONBody[Note],
    work: NamedDependency[str],
    copies: Annotated[int, QueryParameter(ge=1)] = 1,
) -> dict[str, Any]:
    return {"number": number, "copies": copies, "title": data.title, "work": work}


@post("/optional")
async def write_perhaps(data: JSONBody[Note | None] = None) -> bool:
    return data is None


@post("/many")
async def write_many(data: JSONBody[list[Note]]) -> int:
    return len(data)


@post("/anything")
async def write_anything(data: JSONBody[Any]) -> Any:
    return data


@post("/form")
async def send_form(data: URLEncodedBody[dict[str, str]]) -> dict[str, str]:
    return data


@post("/no-body")
async def take_nothing() -> None: ...


@get("/window")
async def read_window(window: NamedDependency[tuple[int, int]]) -> Any:
    return window


@get("/search")
async def search(
    q: FromQuery[str],
    tag: FromQuery[list[int] | None] = None,
    page: FromQuery[int | None] = None,
    ratio: FromQuery[float] = 1.0,
    full: Annotated[bool, QueryParameter(name="isFull")] = False,
    order: FromQuery[Order] = Order.NEWEST,
    after: FromQuery[UUID | None] = None,
    author: FromQuery[Annotated[str, Meta(max_length=5)] | None] = None,
    count: FromQuery[Annotated[int, Meta(ge=1)]] = 1,
) -> Any:
    return [q, tag, page, ratio, full, order.value, after]


@get("/things/{thing:uuid}")
async def read_thing(thing: FromPath[UUID]) -> str:
    return str(thing)


@get("/names/{name:str}")
async def read_name(name: FromPath[str]) -> str:
    return name


@get("/header")
async def read_header(number: Annotated[int, HeaderParameter(name="X-Number")]) -> int:
    return number


HANDLERS = [value for value in list(globals().values()) if isinstance(value, HTTPRouteHandler)]


@pytest.fixture(scope="module")
def app() -> Litestar:
    return Litestar(
        HANDLERS,
        request_class=JSONRequest,
        before_request=check_request,
        exception_handlers=exception_handlers,
        dependencies={
            "window": Provide(provide_window, sync_to_thread=False),
            "work": Provide(provide_work, sync_to_thread=False),
        },
        request_max_body_size=1_000_000,
        logging_config=None,
        openapi_config=None,
    )


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    made.clear()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


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
async def test_hostile_bodies(client, body, status):
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


async def test_a_page_s_parameters_have_their_defaults(client):
    assert (await client.get("/window")).json() == [20, 0]
    assert (await client.get("/window?limit=100&offset=2147483647&other=x")).json() == [100, 2147483647]


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "null", "true", "1.0", "1e2", "01", "+1", "%2B1", "1_0", "%201", "1%20", "0x1", "--1", "%D9%A1",
        "%C2%B2", "1%00", "1;limit=2",
    ],
)  # fmt: skip
async def test_a_limit_that_is_not_an_integer_is_422(client, text):
    answer = await client.get(f"/window?limit={text}")
    assert (answer.status_code, answer.json()["errors"]) == (422, {"limit": ["must be an integer"]})


@pytest.mark.parametrize("text", ["0", "-1", "-0", "101", "9" * 19, "9" * 5000])
async def test_a_limit_out_of_range_is_422(client, text):
    answer = await client.get(f"/window?limit={text}&offset=-1")
    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "limit": ["must be between 1 and 100"],
        "offset": ["must be between 0 and 2147483647"],
    }


async def test_every_kind_of_parameter(client):
    answer = await client.get(
        "/search?q=null&tag=1&tag=2&page=3&ratio=0.5&isFull=true&order=2026&after=12345678-1234-5678-1234-567812345678"
    )
    assert answer.json() == ["null", [1, 2], 3, 0.5, True, "2026", "12345678-1234-5678-1234-567812345678"]
    assert (await client.get("/search?q=%C3%A9+%26&tag=7")).json() == ["é &", [7], None, 1.0, False, "newest", None]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("", {"q": ["can't be blank"]}),
        ("q=%00", {"q": ["must not contain NUL characters"]}),
        ("q=a&q=b", {"q": ["must be given only once"]}),
        ("q=a&page=1&page=x&ratio=x", {"page": ["must be given only once"], "ratio": ["must be a number"]}),
        ("q=a&page=null", {"page": ["must be an integer"]}),
        ("q=a&ratio=nan", {"ratio": ["must be a number"]}),
        ("q=a&ratio=1e999", {"ratio": ["must fit in 64 bits"]}),
        ("q=a&isFull=1", {"isFull": ["must be true or false"]}),
        ("q=a&order=oldest&tag=x&tag=1", {"tag": ["must be an integer"], "order": ["must be one of newest, 2026"]}),
        ("q=a&after=1", {"after": ["must be a UUID"]}),
        (
            "q=a&author=abcdef&count=0",
            {"author": ["is too long (maximum is 5 characters)"], "count": ["must be at least 1"]},
        ),
    ],
)
async def test_every_kind_of_wrong_parameter(client, query, errors):
    answer = await client.get(f"/search?{query}")
    assert (answer.status_code, answer.json()["errors"]) == (422, errors)


@pytest.mark.parametrize("query", ["q=%ff", "q=%ED%A0%80", "%ff=1&q=a"])
async def test_a_query_that_is_not_utf_8_is_malformed(client, query):
    answer = await client.get(f"/search?{query}")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"query": ["is not UTF-8"]})


async def test_a_header_that_is_wrong_or_missing_is_422(client):
    assert (await client.get("/header", headers={"X-Number": "7"})).json() == 7
    wrong = await client.get("/header", headers={"X-Number": "x"})
    assert (wrong.status_code, wrong.json()["violations"][0]["pointer"]) == (422, "header:number")
    missing = await client.get("/header")
    assert (missing.status_code, missing.json()["code"]) == (422, "invalid")
    assert "X-Number" in missing.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/things/1", "/things/{12345678-1234-5678-1234-567812345678}", "/things/12345678123456781234567812345678",
        "/names/a%00b", "/names/%00", "/names/%ff",
    ],
)  # fmt: skip
async def test_a_path_that_cannot_be_one_of_its_kind_is_404(client, path):
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("number", ["+1", "1_0", "%201", "01", "1.0", "%D9%A1", str(2**63), "9" * 5000])
async def test_a_number_in_a_path_is_written_one_way(client, number):
    answer = await client.post(f"/notes/{number}", json={"title": "a"})
    assert (answer.status_code, answer.json()["errors"]) == (404, {"path": ["not found"]})


async def test_paths_that_are_right(client):
    assert (await client.post("/notes/7?copies=2", json={"title": "a"})).json()["number"] == 7
    upper = "/things/ABCDEF78-1234-5678-1234-567812345678"
    assert (await client.get(upper)).status_code == 200
    assert (await client.get("/names/%C3%A9%2B%31")).text == "é+1"
