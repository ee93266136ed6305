"""What became of an article, at the admin site: its comments and its tags stand in one list with its own changes."""

import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import pytest

from app.domain.audit.permissions import READ_TRAIL
from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE
from app.platform.admin import history
from tests.conftest import Aside, SignedIn
from tests.domain.admin.conftest import Browser, staff  # noqa: F401 - a fixture

Enter = Callable[..., Awaitable[Browser]]
SignIn = Callable[..., Awaitable[SignedIn]]
TAGS = ("of-whales", "sea")
MORE = """
INSERT INTO publishing_comment (article_id, author_id, body) SELECT id, author_id, 'n' || n
FROM publishing_article, generate_series(1, $1) AS n WHERE slug = 'of-whales'
"""


def said(page: str) -> list[str]:
    """What a history says, line by line."""
    history = page[page.index('id="panel-history"') :]
    lines = re.findall(r"<li[^>]*>.*?<p>(.*?)</p>", history, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", line)).split()) for line in lines]


@pytest.fixture
async def path(client: httpx.AsyncClient, sign_in: SignIn, aside: Aside) -> str:
    """Of an article that ann made, commented on and gave another tag; another one of hers is beside it."""
    ann, raw = await sign_in("ann"), await aside.connection()
    for title, slug in (("Of whales", "of-whales"), ("Of squids", "of-squids")):
        article = {"title": title, "description": "d", "body": "b", "tagList": ["sea", slug]}
        await client.post("/api/articles", json={"article": article}, auth=ann)
        await client.post(f"/api/articles/{slug}/comments", json={"comment": {"body": "Aye"}}, auth=ann)
    change = {"tagList": ["ships"], "description": "new"}
    await client.put("/api/articles/of-whales", json={"article": change}, auth=ann)
    return f"/articles/{await raw.fetchval('SELECT id FROM publishing_article ORDER BY id LIMIT 1')}"


async def test_what_belongs_to_an_article_is_in_its_history(path: str, staff: Enter, aside: Aside):  # noqa: F811
    raw = await aside.connection()
    comment = await raw.fetchval("SELECT min(id) FROM publishing_comment")
    reader = await staff(READ_TRAIL, REVISE_ANY_ARTICLE, RETRACT_ANY_COMMENT)
    page = await reader.page(path)
    lines = said(page)
    assert sorted(lines[:4]) == [
        "ann changed",
        "ann created Tags: ships",
        *(f"ann deleted Tags: {tag}" for tag in TAGS),
    ]
    assert lines[4] == f"ann created Comment {comment}"
    assert sorted(lines[5:7]) == [f"ann created Tags: {tag}" for tag in TAGS]
    assert lines[7:] == ["ann created"]
    assert ">Aye</ins>" in page, "what a comment says, which is personal"
    assert page.count("Back to before this") == 1, "a comment has no way back here"
    reader.headers["Accept-Language"] = "de"
    page = await reader.page(path)
    assert f"ann hat Kommentar {comment} angelegt" in said(page)
    assert "Von „Neueste Kommentare“ steht hier, was noch da ist." in page

    await raw.execute("DELETE FROM publishing_comment WHERE id = $1", comment)
    page = await reader.page(path)
    assert f"Kommentar {comment}" not in " ".join(said(page))
    gone = re.search(r'href="/admin(/-/trail[^"]*)"[^>]*>Alles Gelöschte', page)
    assert "Aye" in await reader.page(unescape(gone[1]))
    modest = await staff(READ_TRAIL, REVISE_ANY_ARTICLE)
    assert "Comment" not in " ".join(said(await modest.page(path))), "to others comments are not there"


async def test_it_goes_on_by_pages_with_as_many_statements(
    path: str,
    staff: Enter,  # noqa: F811
    aside: Aside,
    statements: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    reader = await staff(READ_TRAIL, REVISE_ANY_ARTICLE, RETRACT_ANY_COMMENT)
    whole = f"{path}/history"
    with statements() as of_few:
        few = said(await reader.page(path))
    with statements() as of_page:
        assert said(await reader.page(whole)) == few
    assert whole not in await reader.page(path)

    await (await aside.connection()).execute(MORE, 40)
    with statements(at_most=len(of_few)):
        page = await reader.page(path)
    assert (len(said(page)), f'href="/admin{whole}"' in page) == (20, True)
    monkeypatch.setattr(history, "SHOWN", 30)
    with statements(at_most=len(of_page)):
        first = await reader.page(whole)
    onward = re.search(r'href="/admin([^"]*after=[^"]+)"', first)
    second = await reader.page(unescape(onward[1]))
    assert (len(said(first)), said(second)[-8:]) == (30, few)
    assert len({*said(first), *said(second)} - {*few}) == 40
    assert "is not a cursor of this list" in await reader.page(f"{whole}?after=x", 422)
    stranger = await staff(REVISE_ANY_ARTICLE)
    await stranger.page(whole, 404)
