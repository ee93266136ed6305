"""Pages of other origins read what the settings let them, and every answer, a refusal too, tells them so."""

from contextlib import asynccontextmanager

import httpx
import pytest

from app.main import create_app
from app.platform.cors import CrossOrigin
from config.settings import load

FRONT = "https://front.example"


@asynccontextmanager
async def client_of(database_url, origins):
    environ = {"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_CORS_ORIGINS": origins}
    app = create_app(load(env_file=None, environ=environ))
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


@pytest.fixture(scope="module")
async def front(database_url):
    """A client of an application whose front end lives elsewhere."""
    async with client_of(database_url, FRONT) as client:
        yield client


@pytest.fixture(scope="module")
async def open_to_all(database_url):
    """A client of an application as it is in development."""
    async with client_of(database_url, "*") as client:
        yield client


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/api/v1/accounts/me"], ids=["200", "404", "401"])
async def test_a_page_of_the_front_end_may_read_any_answer(front, path):
    answer = await front.get(path, headers={"Origin": FRONT})
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT
    assert "X-Request-ID" in answer.headers


async def test_a_page_of_a_stranger_may_not(front):
    answer = await front.get("/health", headers={"Origin": "https://stranger.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_preflight_is_answered(front):
    asked = {"Origin": FRONT, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    answer = await front.options("/api/v1/accounts/me", headers=asked)
    assert answer.status_code == 204
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()
    assert "X-Request-ID" in answer.headers


@pytest.mark.parametrize("path", ["/health", "/nowhere"], ids=["200", "404"])
async def test_who_names_no_origin_hears_only_that_it_matters(front, path):
    """A cache must not hand the answer to a page, which would miss its permission."""
    answer = await front.get(path)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/health", [("Host", "api"), ("Host", "other")], 400), ("//health", [], 404)],
    ids=["host", "path"],
)
async def test_what_is_refused_at_the_doorstep_may_be_read_too(front, path, headers, status):
    answer = await front.get(httpx.URL("http://api", raw_path=path.encode()), headers=[("Origin", FRONT), *headers])
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, FRONT)


async def test_what_may_be_asked_of_a_path_is_told_to_pages_as_well(front):
    answer = await front.options("/api/v1/accounts/me", headers={"Origin": FRONT})
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, PATCH")
    assert (answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"]) == (FRONT, "Origin")


async def test_a_strangers_preflight_is_refused(front):
    asked = {"Origin": "https://stranger.example", "Access-Control-Request-Method": "PUT"}
    answer = await front.options("/api/v1/accounts/me", headers=asked)
    assert (answer.status_code, answer.headers["Vary"]) == (400, "Origin")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_where_all_pages_may_read_all_answers_are_the_same(open_to_all):
    for headers in ({}, {"Origin": FRONT}):
        answer = await open_to_all.get("/health", headers=headers)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Vary" not in answer.headers


async def test_a_header_that_the_answer_has_already_is_kept():
    async def varied(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept")]})
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(CrossOrigin(varied, [FRONT]))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert (await client.get("/")).headers["Vary"] == "Accept, Origin"
