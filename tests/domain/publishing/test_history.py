"""An article's history, and its way back: by publishing's own verb, with its rules and its events."""

from collections.abc import Callable

import asyncpg
import httpx

from tests.conftest import Aside

ARTICLE = {"title": "Of whales", "description": "d", "body": "first", "tagList": ["sea"]}


async def test_an_article_is_made_again_what_it_was(client: httpx.AsyncClient, aside: Aside, sign_in: Callable):
    ann, root = await sign_in("ann"), await sign_in("root", is_superuser=True)
    await client.post("/api/articles", json={"article": ARTICLE}, auth=ann)
    change = {"title": "Of squids", "body": "second"}
    await client.put("/api/articles/of-whales", json={"article": change}, auth=ann)
    raw: asyncpg.Connection = await aside.connection()
    key = await raw.fetchval("SELECT id FROM publishing_article")
    path = f"/api/v1/audit/publishing_article/{key}"

    changed, made = (await client.get(path, auth=root)).json()["items"]
    assert (changed["actor"], made["operation"]) == (str(ann.id), "insert")
    assert {one["column"]: (one["before"], one["after"]) for one in changed["changes"]} == {
        "slug": ("of-whales", "of-squids"),
        "title": ("Of whales", "Of squids"),
        "body": ("first", "second"),
    }
    asked = {"position": changed["position"]}
    assert (await client.post(f"{path}/revert", json=asked, auth=ann)).status_code == 403  # who may not see it

    assert (await client.post(f"{path}/revert", json=asked, auth=root)).status_code == 204
    shown = (await client.get("/api/articles/of-whales")).json()["article"]
    assert (shown["title"], shown["body"], shown["tagList"]) == ("Of whales", "first", ["sea"])
    assert (
        await raw.fetchval("SELECT name FROM platform_outbox ORDER BY id DESC LIMIT 1") == "publishing.article_revised"
    )
    back, *_ = (await client.get(path, auth=root)).json()["items"]
    assert (back["actor"], back["operation"]) == (str(root.id), "update")
    asked = {"position": made["position"]}
    assert (await client.post(f"{path}/revert", json=asked, auth=root)).status_code == 404  # there was none before
