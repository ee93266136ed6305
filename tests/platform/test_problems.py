"""Errors as responses: one document for all of them, a page behind each type, and nothing given away."""

import asyncio
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar, Request, get, post
from litestar.exceptions import (
    HTTPException,
    ImproperlyConfiguredException,
    NotAuthorizedException,
    PermissionDeniedException,
    ServiceUnavailableException,
    ValidationException,
)
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from app.kit.errors import AppError, Busy, Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Violation
from app.platform.handlers import get as house_get
from app.platform.observability.identity import IDS, Ids
from app.platform.problem_pages import problem_pages
from app.platform.problems import FALLBACK_500, Problem, exception_handlers, problem
from app.platform.security import PUBLIC
from tests.conftest import taken_back

SECRET = "hunter2"


class TooManyTags(Invalid):
    """The article has more tags than readers can <b>bear</b>.

    Not shown.
    """

    code = "too_many_tags"
    title = "Too many tags"


RAISED: dict[str, Exception] = {
    "not-found": NotFound("article"),
    "forbidden": Forbidden("article"),
    "unauthenticated": Unauthenticated("token", "is missing"),
    "conflict": Conflict("username", "has already been taken"),
    "own": TooManyTags("tagList", "has 11 of them"),
    "busy": Busy("no database connection was free", retry_after=2),
    "defect": RuntimeError(SECRET),
    "key": KeyError(SECRET),
    "litestar-401": NotAuthorizedException(),
    "litestar-403": PermissionDeniedException(),
    "litestar-503": ServiceUnavailableException("closed"),
    "litestar-422": ValidationException("the boundary is missing"),
    "litestar-418": HTTPException("short and stout", status_code=418),
    "litestar-500": ImproperlyConfiguredException(SECRET),
}


@get("/raise/{name:str}")
async def raise_error(name: FromPath[str]) -> None:
    raise RAISED[name]


@house_get("/together/{names:str}", permission=PUBLIC)
async def fail_together(names: FromPath[str]) -> None:
    """Tasks side by side, all of which fail."""

    async def fail(name: str) -> None:
        raise RAISED[name]

    async with asyncio.TaskGroup() as group:
        for name in names.split(","):
            group.create_task(fail(name))


@post("/only-post")
async def only_post() -> None: ...


class Identified:
    """Stands for the middleware that gives each request its id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = IDS.set(Ids("request-1", "request-1"))
        try:
            await self.app(scope, receive, send)
        finally:
            IDS.reset(token)


@pytest.fixture(scope="module")
def app() -> Litestar:
    return Litestar(
        [raise_error, fail_together, only_post, *problem_pages],
        exception_handlers=exception_handlers,
        logging_config=None,
        openapi_config=None,
    )


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Identified(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


async def test_tasks_that_fail_side_by_side_are_told_of_in_one_document(client: httpx.AsyncClient):
    answer = await client.get("/together/not-found,conflict,own,not-found")
    document = answer.json()
    assert (answer.status_code, document["code"]) == (422, "too_many_tags")
    assert document["errors"] == {
        "article": ["not found"],
        "username": ["has already been taken"],
        "tagList": ["has 11 of them"],
    }
    assert document["detail"] == "article not found; username has already been taken; tagList has 11 of them"

    busy = await client.get("/together/busy,not-found")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    assert busy.json()["detail"] == "no database connection was free; article not found"

    defect = await client.get("/together/not-found,defect")
    assert (defect.status_code, defect.json()["errors"]) == (500, {})
    assert SECRET not in defect.text
    taken_back()  # before Python 3.13 a group leaves it standing, here in the task of all tests


def test_the_document_of_an_error_has_all_that_is_wrong_by_field_and_by_place():
    error = Invalid.of(
        [
            Violation("/article/title", "blank", "can't be blank"),
            Violation("/article/tagList/0", "blank", "can't be blank"),
            Violation("/article/tagList/2", "type", "must be a string"),
        ]
    )
    document = problem(error, instance="/api/articles", request_id="r1")

    assert msgspec.to_builtins(document) == {
        "type": "/problems/invalid",
        "title": "Invalid",
        "status": 422,
        "detail": "title can't be blank; tagList can't be blank; tagList must be a string",
        "instance": "/api/articles",
        "code": "invalid",
        "errors": {"title": ["can't be blank"], "tagList": ["can't be blank", "must be a string"]},
        "violations": [
            {"pointer": "/article/title", "code": "blank", "text": "can't be blank"},
            {"pointer": "/article/tagList/0", "code": "blank", "text": "can't be blank"},
            {"pointer": "/article/tagList/2", "code": "type", "text": "must be a string"},
        ],
        "requestId": "r1",
    }


@pytest.mark.parametrize(
    ("name", "status", "code", "errors", "headers"),
    [
        ("not-found", 404, "not_found", {"article": ["not found"]}, {}),
        ("forbidden", 403, "forbidden", {"article": ["forbidden"]}, {}),
        ("unauthenticated", 401, "unauthenticated", {"token": ["is missing"]}, {"www-authenticate": "Bearer"}),
        ("conflict", 409, "conflict", {"username": ["has already been taken"]}, {}),
        ("own", 422, "too_many_tags", {"tagList": ["has 11 of them"]}, {}),
        ("busy", 503, "busy", {}, {"retry-after": "2"}),
        ("defect", 500, "unexpected", {}, {}),
        ("key", 500, "unexpected", {}, {}),
        ("litestar-401", 401, "unauthenticated", {"token": ["is invalid"]}, {"www-authenticate": "Bearer"}),
        ("litestar-403", 403, "forbidden", {"request": ["forbidden"]}, {}),
        ("litestar-503", 503, "busy", {}, {"retry-after": "1"}),
        ("litestar-422", 422, "invalid", {}, {}),
        ("litestar-418", 418, "refused", {}, {}),
        ("litestar-500", 500, "unexpected", {}, {}),
    ],
)
async def test_every_error_is_a_problem_document(client, name, status, code, errors, headers):
    answer = await client.get(f"/raise/{name}")
    document = answer.json()

    assert answer.status_code == document["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert headers.items() <= dict(answer.headers).items()
    assert (document["code"], document["errors"]) == (code, errors)
    assert document["instance"] == f"/raise/{name}"
    assert document["requestId"] == "request-1"
    assert msgspec.convert(document, Problem)
    assert SECRET not in answer.text
    assert (await client.get(document["type"])).status_code == 200


async def test_an_unknown_route_and_a_wrong_method_are_problems(client):
    unknown = await client.get("/n\u00f6where/%00%20<script>")
    assert (unknown.status_code, unknown.json()["errors"]) == (404, {"path": ["not found"]})
    assert unknown.json()["instance"] == "/n%C3%B6where/%00%20%3Cscript%3E"

    wrong = await client.get("/only-post")
    assert (wrong.status_code, wrong.json()["errors"]) == (405, {"method": ["not allowed"]})
    assert set(wrong.headers["allow"].split(", ")) == {"POST", "OPTIONS"}

    host = await client.get("/only-post", headers={"Host": "a b"})
    assert (host.status_code, host.json()["detail"]) == (400, "Invalid host header")


async def test_a_defect_is_logged_once_with_its_stack_and_a_refusal_never(client):
    with capture_logs() as logged:
        await client.get("/raise/defect")
    assert [(entry["event"], entry["log_level"], entry["path"]) for entry in logged] == [
        ("unhandled exception", "error", "/raise/defect")
    ]
    assert logged[0]["exc_info"].__traceback__ is not None

    with capture_logs() as logged:
        for name in ("not-found", "busy", "litestar-401", "litestar-503"):
            await client.get(f"/raise/{name}")
        await client.get("/nowhere")
    assert logged == []


async def test_the_type_of_every_problem_opens_a_page(client):
    index = await client.get("/problems")
    assert index.status_code == 200
    links = [text for text in index.text.split('"') if text.startswith("/problems/")]

    assert {f"/problems/{kind.code}" for kind in (AppError, NotFound, Busy, TooManyTags)} <= set(links)
    for link in links:
        page = await client.get(link)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        HTMLParser().feed(page.text)
    assert (await client.get("/problems/nonesuch")).json()["errors"] == {"problem": ["not found"]}


async def test_a_page_says_what_the_class_says_and_runs_nothing(client):
    page = await client.get("/problems/too_many_tags")

    assert "<h1>Too many tags</h1>" in page.text
    assert "more tags than readers can &lt;b&gt;bear&lt;/b&gt;." in page.text
    assert "Not shown" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_a_path_that_is_not_even_text_has_an_instance():
    scope: Any = {"type": "http", "path": "/a\udcff", "headers": []}
    answer = exception_handlers[AppError](Request(scope), NotFound("path"))
    assert msgspec.json.decode(answer.content)["instance"] == "/a%3F"


def test_the_pages_are_public():
    assert [handler.opt["permission"] for handler in problem_pages] == [PUBLIC, PUBLIC]


def test_the_fallback_is_a_problem_document():
    document = msgspec.json.decode(FALLBACK_500, type=Problem)
    assert (document.status, document.code, document.errors) == (500, "unexpected", {})


def test_the_document_describes_itself():
    schema: dict[str, Any] = msgspec.json.schema(Problem)["$defs"]["Problem"]["properties"]
    assert {"requestId", "errors", "violations", "instance"} <= schema.keys()
    assert all("description" in member and "examples" in member for member in schema.values())
