"""The site from outside: who is let in, what is read, and that each change is a verb."""

from collections.abc import Awaitable, Callable

import httpx

from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from tests.conftest import SignedIn
from tests.domain.admin.conftest import Browser

Enter = Callable[..., Awaitable[Browser]]


async def publish(client: httpx.AsyncClient, author: SignedIn, title: str) -> dict:
    body = {"article": {"title": title, "description": "d", "body": "b"}}
    return (await client.post("/api/articles", json=body, auth=author)).json()["article"]


async def test_an_editor_lists_changes_and_withdraws(client, sign_in, staff: Enter, statements, database):
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await publish(client, author, "Of whales")
    html = await editor.page("/articles")
    print(html[:300])
    assert "Of whales" in html
    with statements() as sent:
        await editor.page("/articles")
    print("\n".join(sent))
    import re

    key = re.search(r"/admin/articles/([0-9a-f-]{36})", html)[1]
    form = await editor.page(f"/articles/{key}/edit")
    with statements() as sent:
        await editor.submit(form, f"/articles/{key}/edit", title="Of dolphins", description="d", body="b")
    print("\n".join(sent))
    assert (await client.get("/api/articles/of-dolphins")).status_code == 200
    answer = await editor.submit(form, f"/articles/{key}/edit", 422, title="Of seals", description="d", body="b")
    print(answer.text[answer.text.index('role="alert"') :][:1500])
    form = await editor.page(f"/articles/{key}/edit")
    answer = await editor.submit(form, f"/articles/{key}/edit", 422, title="", description="d" * 3000, body="b")
    import pathlib

    pathlib.Path("/tmp/e.html").write_text(answer.text)
    lst = await editor.page("/articles")
    await editor.submit(lst, "/articles/action/withdraw", keys=key)
    assert (await client.get("/api/articles/of-dolphins")).status_code == 404
