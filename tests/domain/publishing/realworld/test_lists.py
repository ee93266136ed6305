"""The contract of the lists: articles by filter, the feed, tags."""

import pytest

from app.domain.publishing.queries import MOST_TAGS
from tests.domain.publishing.factories import ArticleFactory, favor, follow

MEMBERS = ["slug", "title", "description", "tagList", "createdAt", "updatedAt", "favorited", "favoritesCount", "author"]


def slugs(page) -> list[str]:
    return [article["slug"] for article in page["articles"]]


async def test_a_list_has_the_newest_first_and_no_bodies(sign_in, publish, read) -> None:
    ann = await sign_in("ann")
    made = [await publish(ann, tagList=["b", "a"]) for _ in range(3)]

    page = await read("/api/articles")

    assert list(page) == ["articles", "articlesCount"]
    assert list(page["articles"][0]) == MEMBERS
    for article in made:
        del article["body"]
    assert page == {"articles": made[::-1], "articlesCount": 3}


async def test_pages_follow_one_another_without_gaps(database, sign_in, read) -> None:
    articles = await ArticleFactory.several(database, (await sign_in()).id, 25)

    pages = [await read("/api/articles", limit=10, offset=offset) for offset in (0, 10, 20)]

    assert [len(page["articles"]) for page in pages] == [10, 10, 5]
    assert [page["articlesCount"] for page in pages] == [25] * 3
    assert [slug for page in pages for slug in slugs(page)] == [article.slug for article in articles[::-1]]


@pytest.fixture
async def library(database, sign_in):
    """Ann's articles a1 to a3 and Bea's b1 and b2; the tag `sea` on a1, a2, b1; Bea's favourites a1 and b1."""
    ann, bea = await sign_in("Ann"), await sign_in("bea")
    a1, _, _ = [
        await ArticleFactory.saved(database, ann.id, slug=slug, tags=tags)
        for slug, tags in (("a1", ["sea", "big"]), ("a2", ["sea"]), ("a3", []))
    ]
    b1 = await ArticleFactory.saved(database, bea.id, slug="b1", tags=["sea"])
    await ArticleFactory.saved(database, bea.id, slug="b2")
    await favor(database, bea.id, a1, b1)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["b2", "b1", "a3", "a2", "a1"]),
        ({"tag": "sea"}, ["b1", "a2", "a1"]),
        ({"author": "Ann"}, ["a3", "a2", "a1"]),
        ({"author": "aNN"}, ["a3", "a2", "a1"]),
        ({"favorited": "bea"}, ["b1", "a1"]),
        ({"favorited": "BEA"}, ["b1", "a1"]),
        ({"tag": "sea", "author": "Ann"}, ["a2", "a1"]),
        ({"tag": "big", "favorited": "bea"}, ["a1"]),
        ({"author": "bea", "favorited": "bea"}, ["b1"]),
        ({"tag": "sea", "author": "Ann", "favorited": "bea"}, ["a1"]),
        ({"tag": "Sea"}, []),
        ({"tag": "nothing"}, []),
        ({"author": "nobody"}, []),
        ({"favorited": "nobody"}, []),
        ({"favorited": "Ann"}, []),
        ({"tag": ""}, []),
    ],
    ids=str,
)
async def test_filters_narrow_the_list_and_its_total(read, filters, expected) -> None:
    page = await read("/api/articles", **filters)
    second = await read("/api/articles", **filters, limit=1, offset=1)

    assert (slugs(page), page["articlesCount"]) == (expected, len(expected))
    assert (slugs(second), second["articlesCount"]) == (expected[1:2], len(expected))


async def test_a_list_knows_the_viewers_favourites_and_follows(client, database, sign_in, read) -> None:
    ann, reader = await sign_in("ann"), await sign_in()
    await ArticleFactory.saved(database, ann.id, slug="a1")
    await client.post("/api/articles/a1/favorite", auth=reader)
    await client.post("/api/profiles/ann/follow", auth=reader)

    for viewer, own in ((reader, True), (ann, False), (None, False)):
        (article,) = (await read("/api/articles", viewer))["articles"]
        seen = (article["favorited"], article["favoritesCount"], article["author"]["following"])
        assert seen == (own, 1, own)


async def test_a_feed_begins_empty(sign_in, read) -> None:
    assert await read("/api/articles/feed", await sign_in()) == {"articles": [], "articlesCount": 0}


async def test_a_feed_has_the_articles_of_followed_authors(database, sign_in, read) -> None:
    ann, bea, cid, reader = [await sign_in() for _ in range(4)]
    written = [
        await ArticleFactory.saved(database, author.id, slug=f"{number}")
        for number, author in enumerate([ann, bea, cid, ann, reader, bea, ann])
    ]
    await follow(database, reader.id, ann.id, bea.id)
    await follow(database, ann.id, cid.id)

    page = await read("/api/articles/feed", reader)
    pages = [await read("/api/articles/feed", reader, limit=2, offset=offset) for offset in (0, 2, 4)]

    assert list(page["articles"][0]) == MEMBERS
    assert slugs(page) == ["6", "5", "3", "1", "0"]
    assert [slug for part in pages for slug in slugs(part)] == slugs(page)
    assert {part["articlesCount"] for part in [page, *pages]} == {5}
    assert all(article["author"]["following"] for article in page["articles"])
    assert slugs(await read("/api/articles/feed", ann)) == [written[2].slug]


async def test_tags_are_the_ones_in_use_the_most_used_first(client, sign_in, publish, read) -> None:
    ann = await sign_in()
    for title, tags in (("One", ["rare", "sea"]), ("Two", ["sea", "big"]), ("Three", ["sea", "big", "gone"])):
        await publish(ann, title=title, tagList=tags)
    await client.put("/api/articles/three", json={"article": {"tagList": ["big", "sea"]}}, auth=ann)

    assert await read("/api/tags") == {"tags": ["sea", "big", "rare"]}


async def test_there_are_at_most_a_thousand_tags_and_the_newest_is_among_them(database, sign_in, publish, read) -> None:
    ann = await sign_in()
    many = [f"tag-{number}" for number in range(MOST_TAGS + 100)]
    for _ in range(2):
        await ArticleFactory.saved(database, ann.id, tags=many)
    await publish(ann, tagList=["a moment ago"])

    tags = (await read("/api/tags"))["tags"]

    assert MOST_TAGS * 0.9 <= len(tags) <= MOST_TAGS
    assert tags[-1] == "a moment ago"
