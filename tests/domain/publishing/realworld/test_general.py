"""The contract's general part: identity, refusals, unknown members, pages."""

import httpx
import pytest

from tests.domain.publishing.factories import ArticleFactory, DraftFactory
from tests.domain.publishing.realworld.answers import refusal

PUBLIC = [
    ("GET", "/api/articles"),
    ("GET", "/api/articles/nothing"),
    ("GET", "/api/articles/nothing/comments"),
    ("GET", "/api/profiles/nobody"),
    ("GET", "/api/tags"),
    ("POST", "/api/users"),
    ("POST", "/api/users/login"),
]
SIGNED_IN = [
    ("GET", "/api/user"),
    ("PUT", "/api/user"),
    ("POST", "/api/profiles/nobody/follow"),
    ("DELETE", "/api/profiles/nobody/follow"),
    ("POST", "/api/articles"),
    ("GET", "/api/articles/feed"),
    ("PUT", "/api/articles/nothing"),
    ("DELETE", "/api/articles/nothing"),
    ("POST", "/api/articles/nothing/favorite"),
    ("DELETE", "/api/articles/nothing/favorite"),
    ("POST", "/api/articles/nothing/comments"),
    ("DELETE", "/api/articles/nothing/comments/1"),
]


@pytest.mark.parametrize(("method", "path"), SIGNED_IN, ids=" ".join)
async def test_without_a_token_it_is_missing_before_anything_is_not_found(client, method, path) -> None:
    answer = await client.request(method, path)

    assert refusal(answer) == (401, {"token": ["is missing"]})
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"Token lh_{'x' * 43}", id="unknown"),
        pytest.param("Token ", id="empty"),
        pytest.param("Bearer x.y.z", id="of another kind"),
        pytest.param("Basic YTpi", id="another scheme"),
        pytest.param("Token", id="no token"),
    ],
)
async def test_a_bad_token_is_refused_where_identity_is_optional_too(client, header) -> None:
    for method, path in PUBLIC + SIGNED_IN:
        answer = await client.request(method, path, headers={"Authorization": header})
        assert refusal(answer) == (401, {"token": ["is invalid"]}), path


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "bearer"])
async def test_a_token_may_come_under_either_scheme(client, sign_in, scheme) -> None:
    user = await sign_in()

    answer = await client.get("/api/user", headers={"Authorization": f"{scheme} {user.token}"})

    assert answer.status_code == 200


async def test_tags_articles_comments_and_profiles_are_public(client, database, sign_in) -> None:
    author = await sign_in("ann")
    article = await ArticleFactory.saved(database, author.id)

    for path in ("tags", f"articles/{article.slug}", "articles", f"articles/{article.slug}/comments", "profiles/ann"):
        assert (await client.get(f"/api/{path}")).status_code == 200, path


async def test_unknown_members_are_ignored_and_never_bound(client, sign_in, publish) -> None:
    author, other = await sign_in(), await sign_in()
    strange = {"slug": "mine", "favoritesCount": 9, "createdAt": "2001-01-01T00:00:00Z", "author": {"username": "x"}}

    made = await publish(author, title="Whales", **strange)
    changed = await client.put(
        f"/api/articles/{made['slug']}",
        json={"article": {**made, **strange, "authorId": str(other.id), "id": str(other.id)}, "more": 1},
        auth=author,
    )
    user = await client.put("/api/user", json={"user": {"is_superuser": True, "isStaff": True, "id": 1}}, auth=author)

    for article in (made, changed.json()["article"]):
        assert (article["slug"], article["favoritesCount"], article["createdAt"]) == ("whales", 0, made["createdAt"])
        assert article["author"]["username"] == author.username
    assert user.status_code == 200
    assert (await client.delete("/api/articles/whales", auth=other)).status_code == 403


@pytest.mark.parametrize("path", ["/api/articles", "/api/articles/feed"], ids=["list", "feed"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("limit", value)
            for value in ("0", "-1", "101", "abc", "", "1.5", "1e1", "+5", "\u0661", "99999999999999999999")
        ),
        *(("offset", value) for value in ("-1", "abc", "", "1_0", "0x1", "99999999999999999999")),
    ],
    ids=ascii,
)
async def test_a_limit_or_offset_out_of_range_or_not_a_number_is_refused(client, sign_in, path, name, value) -> None:
    answer = await client.get(path, params={name: value}, auth=await sign_in())

    status, errors = refusal(answer)
    assert (status, list(errors)) == (422, [name])


async def test_pages_are_of_twenty_and_at_most_a_hundred(database, sign_in, read) -> None:
    author = await sign_in()
    await ArticleFactory.several(database, author.id, 101)

    sizes = [len((await read("/api/articles", **query))["articles"]) for query in ({}, {"limit": 1}, {"limit": 100})]

    assert sizes == [20, 1, 100]


@pytest.mark.parametrize("path", ["/api/articles", "/api/articles/feed"], ids=["list", "feed"])
async def test_behind_the_end_there_is_nothing_but_the_total(client, database, sign_in, read, path) -> None:
    author, reader = await sign_in("ann"), await sign_in()
    await ArticleFactory.several(database, author.id, 3)
    await client.post("/api/profiles/ann/follow", auth=reader)

    for offset in (3, 10**6, 2**53):
        assert await read(path, reader, offset=offset) == {"articles": [], "articlesCount": 3}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "/api/articles/%00", None, id="slug"),
        pytest.param("GET", "/api/profiles/a%00b", None, id="username"),
        pytest.param("GET", "/api/articles?tag=%00", None, id="tag in a query"),
        pytest.param("GET", "/api/articles?author=%00&favorited=%00", None, id="names in a query"),
        pytest.param("POST", "/api/articles/x%00/favorite", None, id="slug of a favourite"),
        pytest.param("POST", "/api/articles", DraftFactory.sent(tagList=["a\0b"]), id="tag"),
        pytest.param("POST", "/api/articles", DraftFactory.sent(title="a\0b"), id="title"),
        pytest.param("PUT", "/api/user", {"user": {"username": "a\0b"}}, id="new username"),
    ],
)
async def test_a_nul_is_refused_and_breaks_nothing(client, sign_in, method, path, body) -> None:
    answer = await client.request(method, path, json=body, auth=await sign_in())

    assert refusal(answer)[0] in {404, 422}


@pytest.mark.parametrize("path", ["/api/articles/%ff%fe", "/api/profiles/%ed%a0%80", "/api/articles/%2e%2e"])
async def test_an_address_that_is_no_text_is_not_found(client, path) -> None:
    assert refusal(await client.get(path))[0] in {400, 404}


async def test_everything_that_is_wrong_is_said_at_once(client, sign_in) -> None:
    answer = await client.post("/api/articles", json={"article": {"title": "", "tagList": None}}, auth=await sign_in())

    assert refusal(answer) == (
        422,
        {
            "title": ["can't be blank"],
            "description": ["can't be blank"],
            "body": ["can't be blank"],
            "tagList": ["can't be null"],
        },
    )


async def test_an_empty_slug_is_no_article(client, sign_in) -> None:
    user = await sign_in()
    answers: list[httpx.Response] = [
        await client.put("/api/articles/", json={"article": {}}, auth=user),
        await client.delete("/api/articles/", auth=user),
        await client.post("/api/articles//favorite", auth=user),
        await client.post("/api/articles//comments", json={"comment": {"body": "x"}}, auth=user),
    ]

    assert {answer.status_code for answer in answers} <= {404, 405}
