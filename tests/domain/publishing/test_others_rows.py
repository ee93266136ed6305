"""What two users may do with each other's articles and comments, at every route with an id, with every kind of id."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.conftest import SignedIn

BODIES: dict[str, Any] = {
    "PUT /api/articles/{slug}": {"article": {"body": "revised"}},
    "POST /api/articles/{slug}/comments": {"comment": {"body": "c"}},
}
# What a user meets at another's row, and what is missing where there is none. Articles, comments and profiles are
# public: they are not hidden from anybody, but for whoever would change them.
EXPECTED = {
    "GET /api/articles/{slug}": (200, "article"),
    "PUT /api/articles/{slug}": (403, "article"),
    "DELETE /api/articles/{slug}": (403, "article"),
    "GET /api/articles/{slug}/comments": (200, "article"),
    "POST /api/articles/{slug}/comments": (201, "article"),
    "DELETE /api/articles/{slug}/comments/{comment_id}": (403, "comment"),
    "POST /api/articles/{slug}/favorite": (200, "article"),
    "DELETE /api/articles/{slug}/favorite": (200, "article"),
    "GET /api/profiles/{username}": (200, "profile"),
    "POST /api/profiles/{username}/follow": (200, "profile"),
    "DELETE /api/profiles/{username}/follow": (200, "profile"),
}
LAST = re.compile(r"{\w+}(?=[^{]*$)")


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Callable:
    """Call one of the routes as somebody."""

    async def call(route: str, path: str, user: SignedIn) -> httpx.Response:
        return await client.request(route.split(maxsplit=1)[0], path, json=BODIES.get(route), auth=user)

    return call


@pytest.fixture
def publish(client: httpx.AsyncClient) -> Callable:
    """An article with a comment of its author's: what stands for each parameter."""

    async def make(author: SignedIn, title: str) -> dict[str, str]:
        draft = {"title": title, "description": "d", "body": "b"}
        slug = (await client.post("/api/articles", json={"article": draft}, auth=author)).json()["article"]["slug"]
        said = await client.post(f"/api/articles/{slug}/comments", json={"comment": {"body": "c"}}, auth=author)
        return {"slug": slug, "comment_id": str(said.json()["comment"]["id"]), "username": author.username}

    return make


def anonymized(answer: httpx.Response, path: str) -> bytes:
    """All of an answer but its request's id and the address that was asked."""
    content = answer.content.replace(answer.json()["requestId"].encode(), b"")
    return content.replace(path.encode(), b"")


async def test_every_route_with_an_id_is_tried(app: Litestar) -> None:
    served = {f"{method} {route.path_format}" for route in app.routes for method in route.methods}
    ours = {one for one in served if "/api/" in one and "/api/v1/" not in one and "{" in one}
    assert {one for one in ours if not one.startswith("OPTIONS")} == EXPECTED.keys()


@pytest.mark.parametrize("route", EXPECTED)
async def test_another_s_row_can_be_seen_and_not_changed(
    ask: Callable, publish: Callable, sign_in: Callable, route: str
) -> None:
    ann, bea = await sign_in(), await sign_in()
    for user, rows in ((bea, await publish(ann, "Of whales")), (ann, await publish(bea, "Of ships"))):
        answer = await ask(route, route.split()[1].format(**rows), user)
        status, what = EXPECTED[route]
        assert answer.status_code == status
        assert status != 403 or answer.json()["errors"] == {what: ["forbidden"]}


@pytest.mark.parametrize("route", EXPECTED)
async def test_what_nobody_has_is_not_found(ask: Callable, publish: Callable, sign_in: Callable, route: str) -> None:
    me = await sign_in()
    rows = await publish(me, "Of whales")
    for text in ("nothing", "0", "9" * 30, "-1", "+1", "1_0", "a" * 300):
        answer = await ask(route, LAST.sub(text, route.split()[1]).format(**rows), me)
        assert (answer.status_code, answer.json()["errors"]) == (404, {EXPECTED[route][1]: ["not found"]}), text


async def test_the_comment_on_another_article_is_answered_as_one_that_is_not_there_byte_for_byte(
    ask: Callable, publish: Callable, sign_in: Callable
) -> None:
    route = "DELETE /api/articles/{slug}/comments/{comment_id}"
    ann, bea = await sign_in(), await sign_in()
    anns, beas = await publish(ann, "Of whales"), await publish(bea, "Of ships")
    paths = [
        f"/api/articles/{anns['slug']}/comments/{beas['comment_id']}",
        f"/api/articles/{anns['slug']}/comments/{10**9}",
        f"/api/articles/{anns['slug']}/comments/07",
    ]
    for user in (ann, bea):
        answers = [await ask(route, path, user) for path in paths]
        assert {answer.status_code for answer in answers} == {404}
        assert len({anonymized(*pair) for pair in zip(answers, paths, strict=True)}) == 1
