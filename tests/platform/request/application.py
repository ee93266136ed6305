"""Handlers that take a body, parameters, or both."""

from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter, URLEncodedBody
from msgspec import Meta, Struct

from app.platform.request import JSONRequest

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
