"""What others hear of publishing: what a reader or an author did, once, and not what changed nothing."""

from collections.abc import Callable

import httpx
import pytest

from app.platform.database.pools import Database

FAVORITE, FOLLOW = "/api/articles/of-whales/favorite", "/api/profiles/ann/follow"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", FAVORITE, "article_favored"),
        ("DELETE", FAVORITE, "article_unfavored"),
        ("POST", FOLLOW, "user_followed"),
        ("DELETE", FOLLOW, "user_unfollowed"),
        ("PUT", "/api/articles/of-whales", "article_revised"),
        ("DELETE", "/api/articles/of-whales", "article_withdrawn"),
    ],
    ids=lambda one: one if "_" in one else "",
)
async def test_each_thing_that_is_done_is_told_once(
    client: httpx.AsyncClient, database: Database, sign_in: Callable, method: str, path: str, name: str
) -> None:
    author, reader = await sign_in("ann"), await sign_in()
    article = {"title": "Of whales", "description": "d", "body": "b"}
    await client.post("/api/articles", json={"article": article}, auth=author)
    actor = author if name in {"article_revised", "article_withdrawn"} else reader
    if method == "DELETE" and actor is reader:
        await client.post(path, auth=reader)
    [before] = await database.reader().fetch("SELECT max(id::text) FROM platform_outbox", ())
    body = {"article": {"body": "revised"}} if method == "PUT" else None

    answers = [await client.request(method, path, json=body, auth=actor) for _ in range(2 if actor is reader else 1)]

    assert {answer.is_success for answer in answers} == {True}
    told = await database.reader().fetch(
        "SELECT name, subject, actor FROM platform_outbox WHERE id::text > $1 ORDER BY id", (before[0],)
    )
    about = str(author.id) if "user" in name else await article_id(database)
    kind = "followed" if "user" in name else "article"
    assert [tuple(one) for one in told] == [(f"publishing.{name}", f"{kind}:{about}", actor.id)]


async def article_id(database: Database) -> str:
    """The article's, as the event of its publication tells it."""
    [row] = await database.reader().fetch(
        "SELECT payload->>'articleId' FROM platform_outbox WHERE name = 'publishing.article_published'", ()
    )
    return row[0]
