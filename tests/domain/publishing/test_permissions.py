"""Whoever keeps order does so by a group or by a grant, and no longer than they have it: seen from outside."""

from collections.abc import Callable

import httpx
import pytest

from tests.conftest import SignedIn

API = "/api/v1/accounts"
REVISE, RETRACT = "publishing.revise_any_article", "publishing.retract_any_comment"
ARTICLE = "/api/articles/of-whales"


@pytest.fixture
async def comment(client: httpx.AsyncClient, sign_in: Callable) -> str:
    """The address of somebody's comment on somebody's article."""
    author = await sign_in()
    article = {"title": "Of whales", "description": "d", "body": "b"}
    await client.post("/api/articles", json={"article": article}, auth=author)
    said = await client.post(f"{ARTICLE}/comments", json={"comment": {"body": "c"}}, auth=author)
    return said.headers["location"]


@pytest.fixture
def give(client: httpx.AsyncClient, root: SignedIn) -> Callable:
    """Let a user do something in one of two ways; what takes it back."""

    async def by(way: str, user: SignedIn, permission: str) -> Callable:
        path = f"{API}/holders/{user.id}/permissions/{permission}"
        if way == "group":
            made = await client.post(f"{API}/groups", json={"name": "x", "permissions": [permission]}, auth=root)
            path = f"{made.headers['location']}/members/{user.id}"
        assert (await client.put(path, auth=root)).status_code == 204
        return lambda: client.delete(path, auth=root)

    return by


async def statuses(client: httpx.AsyncClient, comment: str, editor: SignedIn) -> tuple[int, int]:
    """Of a change of another's article, and of taking back another's comment."""
    revised = await client.put(ARTICLE, json={"article": {"body": "revised"}}, auth=editor)
    return revised.status_code, (await client.delete(comment, auth=editor)).status_code


@pytest.mark.parametrize("way", ["grant", "group"])
@pytest.mark.parametrize(
    ("permission", "expected"), [(REVISE, (200, 403)), (RETRACT, (403, 204))], ids=["articles", "comments"]
)
async def test_whoever_keeps_order_may_that_alone_and_while_they_have_it(
    client: httpx.AsyncClient,
    comment: str,
    sign_in: Callable,
    give: Callable,
    way: str,
    permission: str,
    expected: tuple[int, int],
) -> None:
    editor, stranger = await sign_in(), await sign_in()
    take_back = await give(way, editor, permission)

    assert await statuses(client, comment, stranger) == (403, 403)
    assert await statuses(client, comment, editor) == expected
    assert (await take_back()).status_code == 204
    assert (await client.put(ARTICLE, json={"article": {"body": "again"}}, auth=editor)).status_code == 403
    assert (await client.delete(ARTICLE, auth=editor)).status_code == 403


@pytest.mark.parametrize("way", ["grant", "group"])
async def test_a_permission_costs_a_change_no_statement(
    client: httpx.AsyncClient, comment: str, sign_in: Callable, give: Callable, statements: Callable, way: str
) -> None:
    assert comment
    editor, root = await sign_in(), await sign_in(is_superuser=True)
    await give(way, editor, REVISE)
    counts = []
    for one in (editor, root):
        with statements() as sent:
            assert (await client.put(ARTICLE, json={"article": {"body": one.username}}, auth=one)).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_a_token_that_is_limited_reaches_no_further_than_its_scopes(
    client: httpx.AsyncClient, comment: str, sign_in: Callable, give: Callable
) -> None:
    editor = await sign_in()
    await give("grant", editor, REVISE)
    await give("group", editor, RETRACT)
    wish = {"name": "x", "scopes": ["signed_in", RETRACT]}
    token = (await client.post(f"{API}/tokens/named", json=wish, auth=editor)).json()["token"]
    limited = SignedIn(editor.id, editor.username, editor.email, token)
    assert await statuses(client, comment, limited) == (403, 204)
