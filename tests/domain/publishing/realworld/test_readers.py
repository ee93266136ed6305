"""The contract of what readers do: profiles, follows, favourites, comments."""

import asyncio

import pytest

from tests.domain.publishing.factories import ArticleFactory
from tests.domain.publishing.realworld.answers import moment, refusal


async def test_a_profile_shows_the_user(client, sign_in, read) -> None:
    ann = await sign_in("Ann")
    image = "https://example.com/a.png?<b>"
    await client.put("/api/user", json={"user": {"bio": "<script>I sail.</script>", "image": image}}, auth=ann)

    profile = {"username": "Ann", "bio": "<script>I sail.</script>", "image": image, "following": False}
    for viewer in (None, ann):
        assert await read("/api/profiles/ann", viewer) == {"profile": profile}
    answer = await client.get("/api/profiles/Ann")
    assert list(answer.json()["profile"]) == ["username", "bio", "image", "following"]
    assert answer.headers["content-type"] == "application/json"


async def test_following_is_idempotent_both_ways(client, sign_in, read) -> None:
    await sign_in("ann")
    reader, other = await sign_in(), await sign_in()

    for verb, following in (("POST", True), ("POST", True), ("DELETE", False), ("DELETE", False), ("POST", True)):
        answer = await client.request(verb, "/api/profiles/ann/follow", auth=reader)
        profile = {"username": "ann", "bio": None, "image": None, "following": following}
        assert (answer.status_code, answer.json()) == (200, {"profile": profile})
        assert await read("/api/profiles/ann", reader) == {"profile": profile}
        assert not (await read("/api/profiles/ann", other))["profile"]["following"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "nobody"), ("POST", "nobody/follow"), ("DELETE", "nobody/follow")],
    ids=["read", "follow", "unfollow"],
)
async def test_an_unknown_profile_is_not_found(client, sign_in, method, path) -> None:
    answer = await client.request(method, f"/api/profiles/{path}", auth=await sign_in())

    assert refusal(answer) == (404, {"profile": ["not found"]})


async def test_nobody_follows_themselves(client, sign_in, read) -> None:
    ann = await sign_in("ann")

    answer = await client.post("/api/profiles/ANN/follow", auth=ann)

    status, errors = refusal(answer)
    assert (status, list(errors)) == (422, ["username"])
    assert not (await read("/api/profiles/ann", ann))["profile"]["following"]


async def test_a_favourite_is_counted_once_and_answered_with_the_whole_article(client, sign_in, publish, read) -> None:
    made, reader = await publish(await sign_in(), title="Whales", tagList=["sea"]), await sign_in()

    for verb, count in (("POST", 1), ("POST", 1), ("DELETE", 0), ("DELETE", 0), ("POST", 1)):
        answer = await client.request(verb, "/api/articles/whales/favorite", auth=reader)
        article = made | {"favorited": bool(count), "favoritesCount": count}
        assert (answer.status_code, answer.json()) == (200, {"article": article})
        assert await read("/api/articles/whales", reader) == {"article": article}


async def test_twelve_readers_at_once_are_all_counted(client, database, sign_in, read) -> None:
    article = await ArticleFactory.saved(database, (await sign_in()).id, slug="whales")
    readers = [await sign_in() for _ in range(12)]

    for verb, count in (("POST", 12), ("DELETE", 0)):
        await _together(client, [(verb, f"/api/articles/{article.slug}/favorite", reader) for reader in readers])
        assert (await read("/api/articles/whales"))["article"]["favoritesCount"] == count


async def test_one_reader_fifty_times_at_once_is_counted_once(client, database, sign_in, read) -> None:
    await ArticleFactory.saved(database, (await sign_in()).id, slug="whales")
    reader = await sign_in()

    for verb, count in (("POST", 1), ("DELETE", 0)):
        await _together(client, [(verb, "/api/articles/whales/favorite", reader)] * 50)
        assert (await read("/api/articles/whales"))["article"]["favoritesCount"] == count


async def _together(client, requests) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.request(method, path, auth=auth)) for method, path, auth in requests]
    assert {task.result().status_code for task in tasks} == {200}


@pytest.fixture
def say(client):
    """Comment on an article; the comment that is answered."""

    async def say(reader, slug, body="Large."):
        answer = await client.post(f"/api/articles/{slug}/comments", json={"comment": {"body": body}}, auth=reader)
        assert answer.status_code == 201, answer.text
        return answer.json()["comment"]

    return say


async def test_a_comment_is_answered_and_listed(client, sign_in, publish, read) -> None:
    author, reader = await sign_in("ann"), await sign_in("bea")
    await publish(author, title="Whales")

    answer = await client.post("/api/articles/whales/comments", json={"comment": {"body": "Large."}}, auth=reader)

    assert answer.status_code == 201
    comment = answer.json()["comment"]
    assert list(comment) == ["id", "createdAt", "updatedAt", "body", "author"]
    assert type(comment["id"]) is int
    assert moment(comment["createdAt"]) == moment(comment["updatedAt"])
    assert comment["author"] == {"username": "bea", "bio": None, "image": None, "following": False}
    for viewer in (None, author, reader):
        assert await read("/api/articles/whales/comments", viewer) == {"comments": [comment]}


async def test_comments_are_the_articles_own_newest_first(client, sign_in, publish, read, say) -> None:
    ann, bea = await sign_in("ann"), await sign_in("bea")
    for title in ("Whales", "Fish", "Nothing"):
        await publish(ann, title=title)
    said = [await say(bea, "whales", body) for body in ("one", "two", "three")]
    await say(bea, "fish", "other")
    await client.post("/api/profiles/bea/follow", auth=ann)

    comments = (await read("/api/articles/whales/comments", ann))["comments"]

    assert [comment["id"] for comment in comments] == [comment["id"] for comment in said[::-1]]
    assert all(comment["author"]["following"] for comment in comments)
    assert await read("/api/articles/nothing/comments") == {"comments": []}


@pytest.mark.parametrize(
    "body",
    [{"body": ""}, {"body": " \n "}, {}],
    ids=["empty", "white space", "absent"],
)
async def test_a_blank_comment_is_refused(client, sign_in, publish, body) -> None:
    ann = await sign_in()
    await publish(ann, title="Whales")

    answer = await client.post("/api/articles/whales/comments", json={"comment": body}, auth=ann)

    assert refusal(answer) == (422, {"body": ["can't be blank"]})


async def test_a_comment_can_be_taken_back_once(client, sign_in, publish, read, say) -> None:
    ann = await sign_in()
    await publish(ann, title="Whales")
    comment, other = await say(ann, "whales"), await say(ann, "whales")

    answers = [await client.delete(f"/api/articles/whales/comments/{comment['id']}", auth=ann) for _ in range(2)]

    assert (answers[0].status_code, answers[0].content) == (204, b"")
    assert refusal(answers[1]) == (404, {"comment": ["not found"]})
    assert await read("/api/articles/whales/comments") == {"comments": [other]}


async def test_the_comment_of_another_is_forbidden_to_the_articles_author_too(client, sign_in, publish, say) -> None:
    author, reader, other = await sign_in(), await sign_in(), await sign_in()
    await publish(author, title="Whales")
    comment = await say(reader, "whales")

    for user in (author, other):
        answer = await client.delete(f"/api/articles/whales/comments/{comment['id']}", auth=user)
        assert refusal(answer) == (403, {"comment": ["forbidden"]})


async def test_a_comment_cannot_be_reached_through_another_article(client, sign_in, publish, read, say) -> None:
    ann = await sign_in()
    for title in ("Whales", "Fish"):
        await publish(ann, title=title)
    comment = await say(ann, "whales")

    answer = await client.delete(f"/api/articles/fish/comments/{comment['id']}", auth=ann)

    assert refusal(answer) == (404, {"comment": ["not found"]})
    assert await read("/api/articles/whales/comments") == {"comments": [comment]}


@pytest.mark.parametrize("comment_id", ["0", "-1", "+1", "1_0", "abc", "1.0", "\u0661", "9" * 19, "9" * 99], ids=ascii)
async def test_what_is_no_comments_id_is_not_found(client, sign_in, publish, comment_id) -> None:
    ann = await sign_in()
    await publish(ann, title="Whales")

    answer = await client.delete(f"/api/articles/whales/comments/{comment_id}", auth=ann)

    assert refusal(answer) == (404, {"comment": ["not found"]})
