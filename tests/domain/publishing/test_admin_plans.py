"""How PostgreSQL reads the articles for each page of the site: by its indexes, however many there are."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event

from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from app.platform.admin.listing import MOST_COUNTED
from tests.domain.admin.conftest import Browser, staff  # noqa: F401 - a fixture

Enter = Callable[..., Awaitable[Browser]]
MANY = """
SET session_replication_role = replica;
INSERT INTO publishing_article (slug, title, description, body, author_id, created_at)
SELECT 'whale-' || n, 'Whale ' || n, 'd', 'b', $$author$$, '2020-01-01Z'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 20000) AS n;
INSERT INTO publishing_document SELECT id, publishing_lexemes(title, description, body, created_at)
FROM publishing_article WHERE slug LIKE 'whale-1%';
SET session_replication_role = DEFAULT;
ANALYZE publishing_article; ANALYZE publishing_document
"""
COUNTED = {"HX-Request": "true", "HX-Trigger": "records-counter"}


@pytest.fixture
async def many(aside, sign_in) -> UUID:
    """Twenty thousand articles of one author; the author."""
    author = await sign_in()
    await (await aside.connection()).execute(MANY.replace("$$author$$", f"'{author.id}'"))
    return author.id


@pytest.fixture
def asked() -> Iterator[list[tuple[str, Sequence[object]]]]:
    """Each statement about articles, with its arguments."""
    found: list[tuple[str, Sequence[object]]] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, parameters: Sequence[object], *_: object) -> None:
        if "FROM publishing_article" in statement:
            found.append((statement, parameters))

    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_no_page_reads_more_than_is_counted(many, sign_in, aside, staff: Enter, statements, asked):  # noqa: F811
    editor, stranger = await staff(REVISE_ANY_ARTICLE), await sign_in()
    connection = await aside.connection()
    after = re.search(r"before=([\w-]{20,})", await editor.page("/articles?before=last"))[1]
    most = {}
    for query in (
        "",
        f"?after={after}",
        "?before=last",
        "?sort=slug",
        "?sort=-slug&before=last",
        f"?author={stranger.id}",
        f"?author={many}&before=last",
        "?created_at_in=2021",
        "?created_at_in=2021-03-04&before=last",
        "?q=whale",
        "?q=whale-7",
    ):
        for headers in ({}, COUNTED):
            asked.clear()
            with statements(at_most=9):
                assert (await editor.get(f"/admin/articles{query}", headers=headers)).status_code == 200
            rows = [await read(connection, *statement) for statement in asked if "EXPLAIN" not in statement[0]]
            most[query, bool(headers)] = max(rows)
    too_many = {way: rows for way, rows in most.items() if rows > (MOST_COUNTED + 1 if way[1] else 1_000)}
    assert not too_many


async def read(connection: Any, statement: str, parameters: Sequence[object]) -> int:
    """How many articles PostgreSQL looks at, of all nodes of the plan."""
    plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    found = [node for node in nodes(json.loads(plan)[0]["Plan"]) if node.get("Relation Name") == "publishing_article"]
    return sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in found)


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node, and those below it."""
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)
