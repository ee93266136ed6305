"""Search: what is found under which words, in which order, and that no text is taken for markup or for syntax."""

import asyncio
import re
import secrets
from dataclasses import replace

import asyncpg
import pytest

from app.domain.publishing import search
from app.kit.pagination import Window
from app.platform import migrations
from app.platform.cache.cache import Cache
from app.platform.database.changes import Changes
from app.platform.revisions import MigrationError
from config.settings import CacheSettings
from tests.databases import at
from tests.domain.publishing.factories import ArticleFactory, follow


@pytest.fixture
def find(client):
    """What is answered to a search that must be answered."""

    async def find(q: str, auth=None, **window):
        answer = await client.get("/api/v1/articles/search", params={"q": q, **window}, auth=auth)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return find


def slugs(answer) -> list[str]:
    return [article["slug"] for article in answer["articles"]]


LIBRARY = {
    "whales": ("Of whales", "Large", "A whale is a spouting fish with a horizontal tail."),
    "seals": ("Of seals", "What whales leave over", "Small."),
    "boats": ("Of boats", "Wooden", "Some were sunk by whales, some by seals: read on."),
    "cafe": ("Café in Köln", "Où l'on boit", "Œuvre, naïveté."),
}


@pytest.fixture
async def library(database, sign_in):
    """Four articles by Ann, in this order."""
    ann = await sign_in("ann")
    for slug, (title, description, body) in LIBRARY.items():
        text = {"title": title, "description": description, "body": body}
        await ArticleFactory.saved(database, ann.id, slug=slug, tags=["sea"], **text)
    return ann


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("whale", ["whales", "seals", "boats"]),  # the title weighs most, then the description, then the body
        ("WHALES", ["whales", "seals", "boats"]),
        ("seals whales", ["seals", "boats"]),
        ("whales -seals", ["whales"]),
        ('"spouting fish"', ["whales"]),
        ('"fish spouting"', []),
        ("spouting or wooden", ["boats", "whales"]),
        ("cafe koln", ["cafe"]),
        ("CAFÉ", ["cafe"]),
        ("oeuvre naivete", ["cafe"]),
        ("the of", []),  # words that every text has
        ("-whale", []),  # would be nearly all that there is
        ("2026", []),
        ("made 2026", []),
        ('"made 2026"', []),
        ("' \" ( ) & | ! <-> :* \\ \x01", []),
    ],
    ids=str,
)
async def test_what_is_found_under_which_words(find, q, expected) -> None:
    answer = await find(q)
    assert (slugs(answer), answer["articlesCount"], answer["spelling"]) == (expected, len(expected), None)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("q", "spelling", "expected"),
    [
        ("whlaes", "whales", ["whales", "seals", "boats"]),
        ("boast", "boats", ["boats"]),
        ("caffé kölnn", "cafe koln", ["cafe"]),
        ("submarine", None, []),
    ],
    ids=str,
)
async def test_a_word_that_nothing_has_is_looked_for_as_titles_spell_it(find, q, spelling, expected) -> None:
    answer = await find(q)
    assert (answer["spelling"], slugs(answer)) == (spelling, expected)


@pytest.mark.usefixtures("library")
async def test_a_typing_error_is_compared_with_all_titles_for_the_first_who_makes_it(
    find, app, settings, monkeypatch, statements
) -> None:
    cache = Cache(replace(settings, cache=CacheSettings()), Changes(app.state.database))
    monkeypatch.setattr(app.state.resources, "cache", cache)
    with statements() as sent:
        answers = [await find(q) for q in ("whlaes", "whlaes", "submarine", "submarine")]
    assert [answer["spelling"] for answer in answers] == ["whales", "whales", None, None]
    assert sum("publishing_nearest_word" in statement for statement in sent) == 2


async def test_matches_stand_in_every_other_piece_and_markup_is_text(database, sign_in, find) -> None:
    hostile = "<script>alert('whale')</script> \x02 <mark>A &amp; whale</mark>"
    await ArticleFactory.saved(database, (await sign_in()).id, title="<b>Whales</b>", description="", body=hostile)

    (article,) = (await find("whale"))["articles"]

    assert article["highlights"]["title"] == ["<b>", "Whales", "</b>"]
    text = article["highlights"]["text"]
    assert set(text[1::2]) == {"whale"}
    assert "".join(text).strip() in hostile.replace("\x02", "")


async def test_an_article_is_shown_as_in_a_list(database, library, sign_in, find, client) -> None:
    bea = await sign_in("bea")
    whales = (await client.get("/api/articles?limit=1&offset=3", auth=bea)).json()["articles"][0]
    assert (whales["slug"], whales["favorited"], whales["author"]["following"]) == ("whales", False, False)
    await follow(database, bea.id, library.id)
    await client.post("/api/articles/whales/favorite", auth=bea)

    found = (await find("spouting", bea))["articles"][0]

    del found["highlights"]
    assert found == (await client.get("/api/articles?favorited=bea", auth=bea)).json()["articles"][0]
    assert (found["favorited"], found["author"]["following"]) == (True, True)
    assert not (await find("spouting"))["articles"][0]["favorited"]


async def test_what_changes_is_found_under_its_new_words_alone(find, client, library) -> None:
    await client.put("/api/articles/boats", json={"article": {"body": "Unsinkable."}}, auth=library)
    assert slugs(await find("sunk")) == []
    assert slugs(await find("unsinkable")) == ["boats"]
    await client.delete("/api/articles/boats", auth=library)
    assert slugs(await find("unsinkable")) == []


@pytest.mark.usefixtures("library")
async def test_a_favourite_does_not_touch_what_search_reads(database, sign_in, client) -> None:
    """As a generated column it would be made anew: four times the cost of a favourite, and every index written to."""
    query = "SELECT xmin::text FROM publishing_document ORDER BY article_id"
    before = await database.reader().fetch(query, ())
    await client.post("/api/articles/whales/favorite", auth=await sign_in())
    assert await database.reader().fetch(query, ()) == before


async def test_the_newest_matches_are_ranked_however_they_are_spread(database, sign_in, find) -> None:
    """Over days, months and years: the steps of the search are one list, and its pages have no gaps."""
    ann = await sign_in()
    old = await ArticleFactory.saved(database, ann.id, title="Whale whale", body="whale")
    await ArticleFactory.several(database, ann.id, search.MOST_RANKED - 1, title="Of boats", body="and whales")
    connection = await asyncpg.connect(database.url)
    await connection.execute("""
        UPDATE publishing_document SET lexemes = publishing_lexemes(title, description, body, now() - age) FROM (
            SELECT *, interval '1 day' * (row_number() OVER (ORDER BY id DESC) ^ 2 / 8) AS age FROM publishing_article
        ) AS aged WHERE id = article_id
    """)
    await connection.close()

    first, later, last = [await find("whale", limit=50, offset=offset) for offset in (0, 50, 150)]
    assert slugs(first)[0] == old.slug
    assert len({*slugs(first), *slugs(later), *slugs(last)}) == 150
    assert {page["articlesCount"] for page in (first, later, last)} == {search.MOST_RANKED}
    assert (await find("whale", offset=1000))["articlesCount"] == search.MOST_RANKED

    await ArticleFactory.saved(database, ann.id, body="One whale more.")
    page = await find("whale", limit=50)
    assert old.slug not in slugs(page)
    assert page["articlesCount"] == search.MOST_RANKED


async def test_a_frequent_word_is_looked_for_in_what_is_new_alone(database, sign_in) -> None:
    """Else a word that half of a million articles have would take a second."""
    ann = (await sign_in()).id
    await ArticleFactory.several(database, ann, 2 * search.MOST_RANKED, title="Of boats", body="whales")
    reads = []

    class Explained:
        async def fetch(self, sql, parameters):
            (row,) = await database.reader().fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
            plans = [row[0][0]["Plan"]]
            for plan in plans:  # grows while it is walked
                plans += plan.get("Plans", [])
                if plan.get("Index Name") == "ix_publishing_document_lexemes" or "lexemes @@" in plan.get("Filter", ""):
                    reads.append(plan["Actual Loops"])
            return await database.reader().fetch(sql, parameters)

    page = await search.articles_matching.page(Explained(), Window(), words="whale", viewer=None)

    assert page.total == search.MOST_RANKED
    assert sorted(reads) == [0, 0, 0, 1]  # the last two days; neither the months, nor the years, nor all


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "query:q"),
        ("q=", "query:q"),
        ("q=%20", "query:q"),
        ("q=" + "x" * 201, "query:q"),
        ("q=x&limit=51", "query:limit"),
        ("q=x&limit=0", "query:limit"),
        ("q=x&offset=-1", "query:offset"),
    ],
    ids=str,
)
async def test_what_cannot_be_searched_for_is_refused_by_name(client, query, pointer) -> None:
    answer = await client.get(f"/api/v1/articles/search?{query}")
    assert answer.status_code == 422
    assert [violation["pointer"] for violation in answer.json()["violations"]] == [pointer]


async def test_a_search_is_one_statement_and_three_where_nothing_is_found(library, client, statements) -> None:
    for q, most in (("whale", 1), ("whlaes", 3)):
        with statements(at_most=most):
            assert (await client.get("/api/v1/articles/search", params={"q": q})).json()["articlesCount"] == 3


@pytest.mark.usefixtures("library")
async def test_articles_from_before_search_are_found(database) -> None:
    connection = await asyncpg.connect(database.url)
    try:
        query = "SELECT * FROM publishing_document, publishing_word ORDER BY article_id, word"
        written = await connection.fetch(query)
        await connection.execute("DELETE FROM publishing_document; DELETE FROM publishing_word")
        [batches] = re.findall(r"DO \$\$\nDECLARE\n    former.*?END \$\$", migrations.sql("publishing_0003"), re.DOTALL)
        await connection.execute(batches.replace("LIMIT 1000", "LIMIT 3"))
        assert await connection.fetch(query) == written
    finally:
        await connection.close()


def test_who_may_not_create_extensions_is_told_what_to_do(server_url, empty_database_url) -> None:
    """A role that may create tables and no extensions, as a hosted PostgreSQL has it."""
    role, name = f"guest_{secrets.token_hex(4)}", empty_database_url.rpartition("/")[2].partition("?")[0]

    async def say(url: str, *statements: str) -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(say(at(server_url, name), f"CREATE ROLE {role} LOGIN", f"GRANT CREATE ON SCHEMA public TO {role}"))
    try:
        with pytest.raises(MigrationError, match=r"extension of search cannot be created: permission denied"):
            migrations.upgrade(f"{empty_database_url}&role={role}")
    finally:
        asyncio.run(say(at(server_url, name), f"DROP OWNED BY {role}", f"DROP ROLE {role}"))


@pytest.mark.parametrize("letter", ["℡", "㎉"])
async def test_letters_that_become_many_are_no_fault_of_ours(client, database, sign_in, letter: str) -> None:
    ann = await sign_in()
    await ArticleFactory.saved(database, ann.id, title="Hotel tel kcal")
    answer = await client.get("/api/v1/articles/search", params={"q": letter * 100})
    assert answer.status_code == 200
