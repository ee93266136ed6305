"""The reads of publishing: one statement however many rows, and plans that stay good in a full database."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.domain.publishing.models import Tagging
from app.domain.publishing.queries import article_by_slug, comments_on, feed, newest_articles, profile_by_name
from app.kit.pagination import Window
from tests.databases import cloned
from tests.domain.publishing.factories import ArticleFactory, CommentFactory, favor, follow, save

PAGE = Window()
LISTS = [
    "/api/articles?limit=100",
    "/api/articles?limit=100&tag=sea",
    "/api/articles?limit=100&author=ann",
    "/api/articles?limit=100&favorited=bea",
    "/api/articles?limit=100&tag=sea&author=ann&favorited=bea",
    "/api/articles/feed?limit=100",
    "/api/articles/whales/comments",
    "/api/tags",
]


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_one_statement_for_one_row_and_for_a_hundred(
    client, database, sign_in, statements, path
) -> None:
    ann, bea = await sign_in("ann"), await sign_in("bea")
    await follow(database, bea.id, ann.id)
    whales = await ArticleFactory.saved(database, ann.id, slug="whales", tags=["sea"])
    sizes = []

    for more in (0, 99):
        articles = await ArticleFactory.several(database, ann.id, more, tags=["sea"])
        await favor(database, bea.id, *(articles if more else [whales]))
        await CommentFactory.several(database, whales, bea.id, more or 1)
        with statements(at_most=2) as sent:
            answer = await client.get(path, auth=bea)
        sizes.append(len(next(iter(answer.json().values()))))
        assert len([statement for statement in sent if "accounts_token" not in statement]) == 1

    assert sizes == ([1, 1] if path == "/api/tags" else [1, 100])


@pytest.mark.parametrize(
    ("method", "path", "body", "budget"),
    [
        ("GET", "/api/articles/whales", None, 2),
        ("GET", "/api/profiles/ann", None, 2),
        ("GET", "/api/user", None, 2),
        ("POST", "/api/articles/whales/comments", {"comment": {"body": "x"}}, 5),
        ("POST", "/api/articles/whales/favorite", None, 6),
        ("POST", "/api/profiles/ann/follow", None, 6),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_asked_often_has_a_budget(
    client, database, sign_in, statements, method, path, body, budget
) -> None:
    ann, bea = await sign_in("ann"), await sign_in("bea")
    await ArticleFactory.saved(database, ann.id, slug="whales")

    with statements(at_most=budget):
        answer = await client.request(method, path, json=body, auth=bea)

    assert answer.is_success


async def test_comments_are_not_counted(client, database, sign_in, statements) -> None:
    ann = await sign_in("ann")
    whales = await ArticleFactory.saved(database, ann.id, slug="whales")
    await CommentFactory.several(database, whales, ann.id, 3)

    with statements(at_most=2) as sent:  # the first is whose token it is
        answer = await client.get("/api/articles/whales/comments?limit=1&offset=1", auth=ann)
    assert len(answer.json()["comments"]) == 1
    assert "count(" not in sent[-1]


async def test_whether_an_article_without_comments_is_there_costs_none_of_its_text(
    client, database, sign_in, statements
) -> None:
    ann = await sign_in("ann")
    await ArticleFactory.saved(database, ann.id, slug="whales")

    with statements(at_most=3) as sent:
        answer = await client.get("/api/articles/whales/comments", auth=ann)
    assert answer.json() == {"comments": []}
    assert "body" not in sent[-1]
    assert (await client.get("/api/articles/nowhere/comments")).status_code == 404


async def test_tags_come_in_the_order_that_the_author_gave(database, sign_in) -> None:
    article = await ArticleFactory.saved(database, (await sign_in()).id)
    await save(
        database,
        *(Tagging(article_id=article.id, tag=tag, position=place) for tag, place in (("c", 2), ("a", 1), ("b", 0))),
    )

    shown = await article_by_slug.one(database.reader(), slug=article.slug, viewer=None)

    assert shown is not None
    assert shown.tag_list == ["b", "a", "c"]


class Explained:
    """A source that runs a statement, and keeps how PostgreSQL has run it: the nodes of its plan."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.nodes: list[dict[str, Any]] = []

    async def fetch(self, sql: str, parameters: Sequence[object]) -> list[asyncpg.Record]:
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
        self.nodes = list(nodes_of(json.loads(await self._connection.fetchval(explain, *parameters))[0]["Plan"]))
        return await self._connection.fetch(sql, *parameters)

    def every(self, name: str) -> set[Any]:
        """What the nodes say under this name."""
        return {node[name] for node in self.nodes if name in node}


def nodes_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from nodes_of(child)


FILL = """
INSERT INTO accounts_user (username, email, password)
    SELECT 'user' || n, 'user' || n || '@example.com', '!' FROM generate_series(1, 2000) n;
INSERT INTO publishing_article (slug, title, description, body, author_id)
    SELECT 'slug-' || n, 'Title', 'What it is about', repeat('body ', 40), id
    FROM generate_series(1, 6000) n JOIN accounts_user ON username = 'user' || 1 + n % 2000;
INSERT INTO publishing_tagging (article_id, tag, position)
    SELECT id, 'tag' || (n + substr(slug, 6)::int) % 100, n FROM publishing_article, generate_series(1, 3) n;
INSERT INTO publishing_favorite (user_id, article_id)
    SELECT u.id, a.id FROM accounts_user u JOIN publishing_article a
    ON substr(slug, 6)::int % 20 = substr(username, 5)::int % 20 WHERE username LIKE 'user1_';
INSERT INTO publishing_follow (follower_id, followed_id)
    SELECT a.id, b.id FROM accounts_user a CROSS JOIN generate_series(1, 5) n
    JOIN accounts_user b ON b.username = 'user' || 1 + (substr(a.username, 5)::int + n) % 2000;
INSERT INTO publishing_comment (article_id, author_id, body)
    SELECT a.id, a.author_id, 'Large.' FROM publishing_article a;
"""
TABLES = "accounts_user, publishing_article, publishing_tagging, publishing_favorite, publishing_follow"


@pytest.fixture(scope="module")
def full_url(server_url: str, template: str) -> Iterator[str]:
    """A database with some thousands of rows and fresh statistics, which is only read."""

    async def fill(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL)
        await connection.execute(f"VACUUM ANALYZE {TABLES}, publishing_comment, platform_counter")
        await connection.close()

    with cloned(server_url, template) as url:
        asyncio.run(fill(url))
        yield url


@pytest.fixture
async def explained(full_url: str) -> AsyncIterator[Explained]:
    """A source that explains, on the full database."""
    connection = await asyncpg.connect(full_url)
    yield Explained(connection)
    await connection.close()


@pytest.fixture
async def me(explained: Explained) -> UUID:
    """A reader with three hundred favourites."""
    (row,) = await explained.fetch("SELECT id FROM accounts_user WHERE username = 'user11'", ())
    return row["id"]


READS = [
    (lambda db, me: article_by_slug.one(db, slug="slug-1", viewer=me), "uq_publishing_article_slug"),
    (lambda db, me: profile_by_name.one(db, username="user1", viewer=me), "uq_accounts_user_username"),
    (
        lambda db, me: comments_on.all(db, slug="slug-1", viewer=me, limit=1000, offset=0),
        "ix_publishing_comment_article_id",
    ),
    (lambda db, me: newest_articles.page(db, PAGE, viewer=me), "pk_publishing_article"),
    (lambda db, me: newest_articles.page(db, PAGE, viewer=me, tag="tag7"), "ix_publishing_tagging_tag"),
    (
        lambda db, me: newest_articles.page(db, PAGE, viewer=me, author="user2"),
        "ix_publishing_article_author_id",
    ),
    (lambda db, me: newest_articles.page(db, PAGE, viewer=me, favorited="user11"), "pk_publishing_favorite"),
    (lambda db, me: feed.page(db, PAGE, viewer=me), "ix_publishing_article_author_id"),
]


async def test_no_read_scans_a_table_that_grows(explained: Explained, me: UUID) -> None:
    for read, index in READS:
        await read(explained, me)
        assert index in explained.every("Index Name")
        scanned = {node["Relation Name"] for node in explained.nodes if node["Node Type"] == "Seq Scan"}
        assert not [table for table in scanned if table.startswith("publishing_")], index


@pytest.mark.parametrize("offset", [0, 5000], ids=["first page", "deep page"])
async def test_a_page_computes_only_what_it_shows(explained: Explained, me: UUID, offset: int) -> None:
    """Nothing for the rows that it passes over, and nothing from the hundreds of the viewer's other favourites."""
    page = await newest_articles.page(explained, Window(20, offset), viewer=me)

    assert (len(page.items), page.total) == (20, 6000)
    computed = [node for node in explained.nodes if node.get("Parent Relationship") == "SubPlan"]
    assert {node["Actual Loops"] for node in computed} == {20}
    assert all(node["Actual Rows"] <= 1 for node in computed if node["Node Type"] != "Sort")  # the tags are sorted
