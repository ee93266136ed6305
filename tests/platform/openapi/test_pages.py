"""The pages and their files: kept in memory, strict about what a browser may do, and nothing but what they need."""

import asyncio
import re
from collections.abc import AsyncIterator
from unittest.mock import create_autospec

import httpx
import pytest

from app.main import create_app
from app.platform.openapi import pages
from app.platform.openapi.document import document
from app.platform.openapi.pages import documentation
from config.settings import load
from tests.platform.openapi.whales import house

NOWHERE = "postgresql://nobody@localhost/nothing"


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    app = house()
    for route in documentation(app):
        app.register(route)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as client:
        yield client


async def files_of(browser: httpx.AsyncClient) -> list[str]:
    return re.findall(r'(?:src|href)="(/[^"]+)"', (await browser.get("/docs")).text)


async def test_the_document_is_served_whole(browser: httpx.AsyncClient):
    answer = await browser.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document(house())  # the pages' own routes are not in it


async def test_the_document_is_made_once_when_it_is_asked_for_and_not_at_the_start(monkeypatch: pytest.MonkeyPatch):
    made = create_autospec(document, side_effect=document)
    monkeypatch.setattr(pages, "document", made)
    app = house()
    for route in documentation(app):
        app.register(route)
    assert not made.called

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client, asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get("/openapi.json")) for _ in range(5)]

    assert len({one.result().content for one in asked}) == made.call_count == 1


async def test_the_page_runs_only_scripts_and_styles_of_its_own_origin(browser: httpx.AsyncClient):
    answer = await browser.get("/docs")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?://", answer.text)


async def test_every_file_of_the_page_is_there_and_may_be_kept_for_ever(browser: httpx.AsyncClient):
    paths = await files_of(browser)

    assert len(paths) == 3
    for path in paths:
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] in {"text/css; charset=utf-8", "text/javascript; charset=utf-8"}
        assert answer.headers["etag"].strip('"') in path  # another content is another address
        assert int(answer.headers["content-length"]) == len(answer.content) > 100


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
@pytest.mark.parametrize(
    "known", ["{}", "W/{}", '"other", {}', "*"], ids=["strong", "weakened", "among-others", "whatever-there-is"]
)
async def test_what_the_browser_has_is_not_sent_again(browser: httpx.AsyncClient, path: str, known: str):
    etag = (await browser.get(path)).headers["etag"]

    answer = await browser.get(path, headers={"If-None-Match": known.format(etag)})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


async def test_what_the_browser_has_of_another_content_is_sent_anew(browser: httpx.AsyncClient):
    answer = await browser.get("/docs", headers={"If-None-Match": '"0123456789abcdef"'})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "swagger-ui-bundle.js",
        "pages.py",
        ".hidden",
        "..%2Fpages.py",
        "%2e%2e%2fpages.py",
        "swagger%2FLICENSE",
        "..\\pages.py",
    ],
)
async def test_no_other_file_is_served(browser: httpx.AsyncClient, name: str):
    answer = await browser.get(f"/docs/{name}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("docs", "status"), [("true", 200), ("false", 404)], ids=["on", "off"])
async def test_a_setting_says_whether_there_are_pages(docs: str, status: int):
    environ = {"DATABASE_URL": NOWHERE, "LITEHOUSE_ENVIRONMENT": "production", "LITEHOUSE_DOCS": docs}
    app = create_app(load(env_file=None, environ=environ))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as client:
        answers = [await client.get(path) for path in ("/docs", "/openapi.json")]

    assert [answer.status_code for answer in answers] == [status, status]
