"""What the tables of publishing see to by themselves."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

ROWS = """
    INSERT INTO accounts_user (username, email, password)
    VALUES ('ann', 'ann@example.com', '!'), ('bob', 'bob@example.com', '!');
    INSERT INTO publishing_article (slug, title, description, body, author_id, updated_at)
    SELECT username || place, 'Of whales', '', '', id, '2001-01-01+0'
    FROM accounts_user, (VALUES ('1'), ('2')) AS places (place);
    INSERT INTO publishing_tagging SELECT id, tag, 0 FROM publishing_article, (VALUES ('sea'), ('ann')) AS t (tag)
    WHERE tag = 'sea' OR slug LIKE 'ann%';
    INSERT INTO publishing_comment (article_id, author_id, body, updated_at)
    SELECT id, author_id, 'Yes', '2001-01-01+0' FROM publishing_article;
"""
COUNTS = """
    SELECT concat_ws(' ', name, nullif(key, '')), sum(value) FROM platform_counter
    WHERE name LIKE 'publishing%' GROUP BY name, key HAVING sum(value) <> 0
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees two authors with two articles each, in a transaction that is given up after the test."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"BEGIN; {ROWS}")
    yield connection
    await connection.execute("ROLLBACK")
    await connection.close()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param("title = 'Of seals'", "now()", id="content"),
        pytest.param("title = 'Of seals', updated_at = '2002-02-02+0'", "now()", id="content-and-time"),
        pytest.param("updated_at = '2002-02-02+0'", "'2002-02-02+0'", id="time-alone"),
        pytest.param("favorites_count = 7", "'2001-01-01+0'", id="count"),
    ],
)
async def test_an_article_has_changed_when_its_content_has(connection, change, expected):
    await connection.execute(f"UPDATE publishing_article SET {change}")
    assert await connection.fetchval(f"SELECT bool_and(updated_at = {expected}) FROM publishing_article")


async def test_a_comment_has_changed_when_its_text_has(connection):
    await connection.execute("UPDATE publishing_comment SET body = 'No'")
    assert await connection.fetchval("SELECT bool_and(updated_at = now()) FROM publishing_comment")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param("SELECT", (4, 4, 2), id="nothing"),
        pytest.param("DELETE FROM publishing_article WHERE slug = 'ann1'", (3, 3, 1), id="article"),
        pytest.param("DELETE FROM accounts_user WHERE username = 'ann'", (2, 2, 0), id="author"),
        pytest.param(
            "UPDATE publishing_tagging SET tag = 'ann' WHERE tag = 'sea' AND NOT EXISTS (SELECT FROM "
            "publishing_article WHERE id = article_id AND slug LIKE 'ann%')",
            (4, 2, 4),
            id="tag-renamed",
        ),
        pytest.param("TRUNCATE publishing_article CASCADE", (0, 0, 0), id="emptied"),
    ],
)
async def test_articles_and_tags_are_counted(connection, change, expected):
    await connection.execute(change)
    counts = dict(await connection.fetch(COUNTS))
    names = ("publishing_article", "publishing_tagging sea", "publishing_tagging ann")
    assert tuple(counts.get(name, 0) for name in names) == expected


FAVORITES = """
    INSERT INTO publishing_favorite SELECT u.id, a.id FROM accounts_user u, publishing_article a
    WHERE u.username = 'ann' OR slug = 'bob1';
    UPDATE publishing_article SET favorites_count = (SELECT count(*) FROM publishing_favorite WHERE article_id = id)
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            "DELETE FROM publishing_favorite WHERE false", {"ann1": 1, "ann2": 1, "bob1": 2, "bob2": 1}, id="none"
        ),
        pytest.param("DELETE FROM accounts_user WHERE username = 'ann'", {"bob1": 1, "bob2": 0}, id="reader"),
        pytest.param(
            "DELETE FROM publishing_article WHERE slug = 'ann1'", {"ann2": 1, "bob1": 2, "bob2": 1}, id="article"
        ),
        pytest.param(
            "DELETE FROM publishing_favorite", {"ann1": 0, "ann2": 0, "bob1": 0, "bob2": 0}, id="all-favourites"
        ),
    ],
)
async def test_favourites_that_go_are_counted_off(connection, change, expected):
    await connection.execute(FAVORITES)
    await connection.execute(change)
    assert dict(await connection.fetch("SELECT slug, favorites_count FROM publishing_article")) == expected


async def test_nobody_follows_oneself(connection):
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("INSERT INTO publishing_follow SELECT id, id FROM accounts_user")
