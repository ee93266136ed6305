"""The contract of /articles: publishing, revising, withdrawing, and one article."""

import asyncio
from urllib.parse import quote, unquote

import pytest

from tests.domain.publishing.factories import ArticleFactory, DraftFactory
from tests.domain.publishing.realworld.answers import moment, refusal

MEMBERS = [
    "slug",
    "title",
    "description",
    "body",
    "tagList",
    "createdAt",
    "updatedAt",
    "favorited",
    "favoritesCount",
    "author",
]


async def test_publishing_answers_with_the_article(client, sign_in, read) -> None:
    ann = await sign_in("ann")
    draft = {"title": "Of Whales", "description": "Large", "body": "# Whales", "tagList": ["sea", "big", "sea", "a"]}

    answer = await client.post("/api/articles", json={"article": draft}, auth=ann)

    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/articles/of-whales"
    article = answer.json()["article"]
    assert list(article) == MEMBERS
    assert moment(article["createdAt"]) == moment(article["updatedAt"])
    assert article | draft | {"slug": "of-whales", "tagList": ["sea", "big", "a"]} == article
    assert (article["favorited"], article["favoritesCount"]) == (False, 0)
    assert article["author"] == {"username": "ann", "bio": None, "image": None, "following": False}
    assert await read(answer.headers["location"]) == answer.json()


async def test_a_tag_list_is_optional(client, sign_in) -> None:
    body = {"article": {"title": "Whales", "description": "d", "body": "b"}}

    answer = await client.post("/api/articles", json=body, auth=await sign_in())

    assert (answer.status_code, answer.json()["article"]["tagList"]) == (201, [])


@pytest.mark.parametrize("blank", ["", " \n\t", None], ids=["empty", "white space", "absent"])
@pytest.mark.parametrize("field", ["title", "description", "body"])
async def test_a_blank_field_is_refused(client, sign_in, field, blank) -> None:
    body = DraftFactory.sent(**{field: blank})
    if blank is None:
        del body["article"][field]

    answer = await client.post("/api/articles", json=body, auth=await sign_in())

    assert refusal(answer) == (422, {field: ["can't be blank"]})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("title", "x" * 10_000, id="title"),
        pytest.param("description", "x" * 2_001, id="description"),
        pytest.param("body", "x" * 100_001, id="body"),
        pytest.param("tagList", ["x" * 51], id="tag"),
        pytest.param("tagList", [" "], id="blank tag"),
        pytest.param("tagList", [str(n) for n in range(51)], id="tags"),
        pytest.param("tagList", None, id="null tags"),
        pytest.param("tagList", "sea", id="tags as text"),
        pytest.param("title", 7, id="title as number"),
    ],
)
async def test_what_is_too_long_or_of_the_wrong_type_is_refused(client, sign_in, publish, field, value) -> None:
    ann = await sign_in()
    slug = (await publish(ann))["slug"]

    answers = [
        await client.post("/api/articles", json=DraftFactory.sent(**{field: value}), auth=ann),
        await client.put(f"/api/articles/{slug}", json={"article": {field: value}}, auth=ann),
    ]

    for status, errors in map(refusal, answers):
        assert (status, len(errors)) == (422, 1)


async def test_a_title_of_five_hundred_characters_is_served(publish, sign_in, read) -> None:
    article = await publish(await sign_in(), title="Whale " * 83)

    assert (await read(f"/api/articles/{article['slug']}"))["article"] == article


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        pytest.param("Über Wale", "über-wale", id="german"),
        pytest.param("クジラについて", "クジラについて", id="japanese"),
        pytest.param("Про китов", "про-китов", id="russian"),
        pytest.param("Feed", "feed-2", id="reserved"),
    ],
)
async def test_a_slug_keeps_letters_and_opens_the_article(publish, sign_in, read, title, slug) -> None:
    article = await publish(await sign_in(), title=title)

    assert article["slug"] == slug
    assert (await read(f"/api/articles/{quote(slug)}"))["article"] == article


@pytest.mark.parametrize("title", ["!!! ???", "🐳", "..", "///"], ids=ascii)
async def test_a_title_without_a_letter_gets_a_usable_slug(publish, sign_in, read, title) -> None:
    author = await sign_in()
    first, second = await publish(author, title=title), await publish(author, title=title)

    assert first["slug"] != second["slug"]
    for article in (first, second):
        assert (await read(f"/api/articles/{article['slug']}"))["article"] == article


async def test_the_location_of_a_unicode_slug_is_ascii(client, sign_in) -> None:
    answer = await client.post("/api/articles", json=DraftFactory.sent(title="Über Wale"), auth=await sign_in())

    assert answer.headers["location"] == "/api/articles/%C3%BCber-wale"
    assert unquote(answer.headers["location"]).endswith(answer.json()["article"]["slug"])


async def test_the_same_title_twice_gets_another_slug(publish, sign_in) -> None:
    author = await sign_in()

    slugs = [(await publish(author, title="Of Whales"))["slug"] for _ in range(3)]

    assert len(set(slugs)) == 3
    assert all(slug.startswith("of-whales") for slug in slugs)


async def test_twelve_at_once_with_one_title_and_one_new_tag_are_published(publish, sign_in, read) -> None:
    authors = [await sign_in() for _ in range(12)]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(publish(author, title="One", tagList=["new", "newer"])) for author in authors]

    assert len({task.result()["slug"] for task in tasks}) == 12
    assert (await read("/api/articles", tag="new"))["articlesCount"] == 12
    assert (await read("/api/articles"))["articlesCount"] == 12


async def test_revising_changes_only_what_is_sent(client, sign_in, publish, read) -> None:
    ann = await sign_in()
    made = await publish(ann, title="Whales", tagList=["sea", "big"])

    answer = await client.put("/api/articles/whales", json={"article": {"body": "New"}}, auth=ann)

    assert answer.status_code == 200
    revised = answer.json()["article"]
    assert revised == made | {"body": "New", "updatedAt": revised["updatedAt"]}
    assert moment(revised["updatedAt"]) > moment(made["updatedAt"])
    assert (await read("/api/articles/whales"))["article"] == revised


@pytest.mark.parametrize(
    ("changes", "tags"),
    [
        pytest.param({}, ["sea", "big"], id="absent keeps"),
        pytest.param({"tagList": []}, [], id="empty empties"),
        pytest.param({"tagList": ["big", "new", "big"]}, ["big", "new"], id="given replaces"),
    ],
)
async def test_a_tag_list_is_replaced_when_it_is_sent(client, sign_in, publish, read, changes, tags) -> None:
    ann = await sign_in()
    made = await publish(ann, title="Whales", tagList=["sea", "big"])

    revised = (await client.put("/api/articles/whales", json={"article": changes}, auth=ann)).json()["article"]

    assert revised == made | {"tagList": tags, "updatedAt": revised["updatedAt"]}
    assert moment(revised["updatedAt"]) > moment(made["updatedAt"])
    assert sorted((await read("/api/tags"))["tags"]) == sorted(tags)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        pytest.param("Of Fish", "of-fish", id="another title"),
        pytest.param("Of Whales", "of-whales", id="the same title"),
        pytest.param("Of whales!", "of-whales", id="another spelling"),
        pytest.param("feed", "feed-2", id="reserved"),
    ],
)
async def test_the_slug_follows_the_title(client, sign_in, publish, read, title, slug) -> None:
    ann = await sign_in()
    await publish(ann, title="Of Whales")

    answer = await client.put("/api/articles/of-whales", json={"article": {"title": title}}, auth=ann)

    assert (answer.json()["article"]["slug"], answer.json()["article"]["title"]) == (slug, title)
    assert (await read(f"/api/articles/{slug}"))["article"]["title"] == title


async def test_a_revised_title_does_not_take_the_slug_of_another(client, sign_in, publish, read) -> None:
    ann = await sign_in()
    await publish(ann, title="One")
    await publish(ann, title="Two")

    answer = await client.put("/api/articles/two", json={"article": {"title": "One"}}, auth=ann)

    assert answer.json()["article"]["slug"].startswith("one-")
    assert (await read("/api/articles/one"))["article"]["title"] == "One"


@pytest.mark.parametrize("bad", ["", " ", None], ids=["empty", "space", "null"])
@pytest.mark.parametrize("field", ["title", "description", "body"])
async def test_revising_to_a_blank_is_refused(client, sign_in, publish, field, bad) -> None:
    ann = await sign_in()
    await publish(ann, title="Whales")

    answer = await client.put("/api/articles/whales", json={"article": {field: bad}}, auth=ann)

    status, errors = refusal(answer)
    assert (status, list(errors)) == (422, [field])


async def test_withdrawing_removes_the_article_and_all_that_hangs_on_it(client, sign_in, publish, read) -> None:
    ann = await sign_in()
    await publish(ann, title="Whales", tagList=["sea"])
    await client.post("/api/articles/whales/comments", json={"comment": {"body": "Large"}}, auth=ann)
    await client.post("/api/articles/whales/favorite", auth=ann)

    answer = await client.delete("/api/articles/whales", auth=ann)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get("/api/articles/whales")).status_code == 404
    assert (await client.delete("/api/articles/whales", auth=ann)).status_code == 404
    assert await read("/api/articles") == {"articles": [], "articlesCount": 0}
    assert await read("/api/tags") == {"tags": []}


async def test_the_article_of_another_is_forbidden(client, database, sign_in, read) -> None:
    article = await ArticleFactory.saved(database, (await sign_in()).id)
    before, other = await read(f"/api/articles/{article.slug}"), await sign_in()

    answers = [
        await client.put(f"/api/articles/{article.slug}", json={"article": {"title": "Mine"}}, auth=other),
        await client.delete(f"/api/articles/{article.slug}", auth=other),
    ]

    assert [refusal(answer) for answer in answers] == [(403, {"article": ["forbidden"]})] * 2
    assert await read(f"/api/articles/{article.slug}") == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/articles/nothing", None),
        ("PUT", "/api/articles/nothing", {"article": {"body": "x"}}),
        ("DELETE", "/api/articles/nothing", None),
        ("POST", "/api/articles/nothing/favorite", None),
        ("DELETE", "/api/articles/nothing/favorite", None),
        ("GET", "/api/articles/nothing/comments", None),
        ("POST", "/api/articles/nothing/comments", {"comment": {"body": "x"}}),
        ("DELETE", "/api/articles/nothing/comments/1", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_unknown_slug_is_not_found(client, sign_in, method, path, body) -> None:
    answer = await client.request(method, path, json=body, auth=await sign_in())

    assert refusal(answer) == (404, {"article": ["not found"]})
