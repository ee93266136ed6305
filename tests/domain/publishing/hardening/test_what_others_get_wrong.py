"""What other back ends of the RealWorld API answer with 500, or wrongly, one by one, against a real server."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from tests.domain.publishing.hardening.people import Person

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
SPELLINGS = [
    "0{}",
    "-{}",
    "+{}",
    "%2B{}",
    "{}_",
    "{}.0",
    "{}e0",
    "0x{}",
    "%20{}",
    "{}%20",
    "{}%00",
    "{}%0A",
    "%EF%BB%BF{}",
]
NUMBERS = ["0", "abc", "null", "%D9%A1", "9223372036854775807", "9223372036854775808", "9" * 30, "9" * 5_000]


class Client:
    """Calls the API, and takes nothing for an answer but JSON with the status that is expected."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def __call__(
        self, status: int, method: str, path: str, body: object = None, person: Person | None = None
    ) -> dict[str, Any]:
        answered, document = await self.any(method, path, body, person)
        assert answered == status, document
        return document

    async def any(
        self, method: str, path: str, body: object = None, person: Person | None = None
    ) -> tuple[int, dict[str, Any]]:
        headers = person.headers if person else {}
        async with self._http.request(method, f"/api{path}", json=body, headers=headers) as answer:
            if answer.status == 204:
                return 204, {}
            kind = "application/json" if answer.ok else "application/problem+json"
            assert answer.content_type == kind
            return answer.status, await answer.json()

    async def publish(self, person: Person, **given: object) -> dict[str, Any]:
        draft = {"title": f"Whales {secrets.token_hex(4)}", "description": "d", "body": "b"} | given
        return (await self(201, "POST", "/articles", {"article": draft}, person))["article"]


@pytest.fixture
def call(http: aiohttp.ClientSession) -> Client:
    return Client(http)


async def at_once(times: int, do: Callable[[int], Coroutine[Any, Any, Any]]) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(do(number)) for number in range(times)]
    return [task.result() for task in tasks]


async def test_a_nul_in_a_username_a_tag_or_a_slug_is_never_a_failure(call: Client, person: Person):
    await call(404, "GET", "/profiles/a%00b")
    await call(404, "POST", "/profiles/a%00b/follow", None, person)
    await call(404, "GET", "/articles/a%00b")
    await call(404, "DELETE", "/articles/a%00b", None, person)
    await call(404, "POST", "/articles/a%00b/favorite", None, person)
    await call(404, "GET", "/articles/a%00b/comments")
    for name in ("tag", "author", "favorited"):
        assert (await call(422, "GET", f"/articles?{name}=a%00b"))["errors"][name]
    draft = {"title": "t", "description": "d", "body": "b", "tagList": ["a\0b"]}
    await call(422, "POST", "/articles", {"article": draft}, person)
    user = {"username": "a\0b", "email": "nul@example.com", "password": "correct horse"}
    assert (await call(422, "POST", "/users", {"user": user}))["errors"]["username"]
    assert (await call(422, "PUT", "/user", {"user": {"username": "a\0b"}}, person))["errors"]["username"]
    assert (await call(422, "PUT", "/user", {"user": {"bio": "a\0b"}}, person))["errors"]["bio"]
    login = {"email": "a\0b@example.com", "password": "a\0b"}
    assert set((await call(422, "POST", "/users/login", {"user": login}))["errors"]) == {"email", "password"}


@pytest.mark.parametrize("path", ["/articles", "/articles/feed"])
async def test_a_huge_offset_finds_nothing_and_one_beyond_64_bits_is_refused(call: Client, person: Person, path: str):
    assert (await call(200, "GET", f"{path}?offset=1000000000", None, person))["articles"] == []
    assert (await call(200, "GET", f"{path}?offset={2**53}", None, person))["articles"] == []
    for offset in (2**63 - 1, 2**63, 10**30):
        assert (await call(422, "GET", f"{path}?offset={offset}", None, person))["errors"]["offset"]


@pytest.mark.parametrize("path", ["/user", "/articles", "/articles/unknown", "/tags", "/profiles/unknown"])
async def test_an_invalid_token_is_refused_where_none_is_needed_too(call: Client, path: str):
    nobody = Person("nobody", "nobody@example.com", "", token="lh_nobodys")
    assert (await call(401, "GET", path, None, nobody))["errors"] == {"token": ["is invalid"]}


async def test_a_taken_name_is_a_conflict_on_a_change_too(call: Client, person: Person, newcomer: Person):
    for taken in (person.username, person.username.upper()):
        refused = await call(409, "PUT", "/user", {"user": {"username": taken}}, newcomer)
        assert refused["errors"] == {"username": ["has already been taken"]}
    refused = await call(409, "PUT", "/user", {"user": {"email": person.email.upper()}}, newcomer)
    assert refused["errors"] == {"email": ["has already been taken"]}
    kept = (await call(200, "GET", "/user", None, newcomer))["user"]
    assert (kept["username"], kept["email"]) == (newcomer.username, newcomer.email)


@pytest.mark.parametrize("limit", ["-1", "0", "101", "1000000", "abc", "1.5", ""])
@pytest.mark.parametrize("path", ["/articles", "/articles/feed"])
async def test_a_limit_out_of_range_is_refused(call: Client, person: Person, path: str, limit: str):
    assert (await call(422, "GET", f"{path}?limit={limit}", None, person))["errors"]["limit"]


async def test_a_title_of_ten_thousand_characters_is_refused(call: Client, person: Person):
    draft = {"title": "w" * 10_000, "description": "d", "body": "b"}
    assert (await call(422, "POST", "/articles", {"article": draft}, person))["errors"]["title"]
    slug = (await call.publish(person))["slug"]
    assert (await call(422, "PUT", f"/articles/{slug}", {"article": {"title": "w" * 10_000}}, person))["errors"][
        "title"
    ]


async def test_twelve_favourites_at_once_of_one_reader(call: Client, person: Person, newcomer: Person):
    path = f"/articles/{(await call.publish(person))['slug']}/favorite"
    await at_once(12, lambda _: call(200, "POST", path, None, newcomer))
    article = (await call(200, "GET", path.removesuffix("/favorite"), None, newcomer))["article"]
    assert (article["favorited"], article["favoritesCount"]) == (True, 1)

    await at_once(12, lambda _: call(200, "DELETE", path, None, newcomer))
    article = (await call(200, "GET", path.removesuffix("/favorite"), None, newcomer))["article"]
    assert (article["favorited"], article["favoritesCount"]) == (False, 0)


async def test_twelve_follows_at_once(call: Client, person: Person, newcomer: Person):
    path = f"/profiles/{person.username}"
    await at_once(12, lambda _: call(200, "POST", f"{path}/follow", None, newcomer))
    assert (await call(200, "GET", path, None, newcomer))["profile"]["following"]


async def test_twelve_registrations_at_once_of_one_name(call: Client):
    name = f"ann-{secrets.token_hex(4)}"

    async def register(number: int) -> tuple[int, dict[str, Any]]:
        spelling = name.upper() if number % 2 else name
        user = {"username": spelling, "email": f"{name}{number}@example.com", "password": "correct horse"}
        return await call.any("POST", "/users", {"user": user})

    answers = await at_once(12, register)
    assert Counter(status for status, _ in answers) == {201: 1, 409: 11}
    refusals = [document["errors"] for status, document in answers if status == 409]
    assert refusals == [{"username": ["has already been taken"]}] * 11


async def test_twelve_articles_at_once_of_one_title_with_one_new_tag(call: Client, person: Person):
    mark = secrets.token_hex(8)
    made = await at_once(12, lambda _: call.publish(person, title=f"Of {mark}", tagList=[mark]))
    assert len({article["slug"] for article in made}) == 12
    found = await call(200, "GET", f"/articles?tag={mark}")
    assert (len(found["articles"]), found["articlesCount"]) == (12, 12)
    assert (await call(200, "GET", "/tags"))["tags"].count(mark) == 1


async def test_a_comment_is_not_taken_back_through_another_article(call: Client, person: Person, newcomer: Person):
    slug, other = (await call.publish(person))["slug"], (await call.publish(person))["slug"]
    said = await call(201, "POST", f"/articles/{slug}/comments", {"comment": {"body": "There!"}}, newcomer)
    number = said["comment"]["id"]
    refused = await call(404, "DELETE", f"/articles/{other}/comments/{number}", None, newcomer)
    assert refused["errors"] == {"comment": ["not found"]}
    refused = await call(404, "DELETE", f"/articles/unknown/comments/{number}", None, newcomer)
    assert refused["errors"] == {"article": ["not found"]}
    refused = await call(403, "DELETE", f"/articles/{slug}/comments/{number}", None, person)
    assert refused["errors"] == {"comment": ["forbidden"]}
    for text in [*NUMBERS, *(spelling.format(number) for spelling in SPELLINGS)]:
        refused = await call(404, "DELETE", f"/articles/{slug}/comments/{text}", None, newcomer)
        assert refused["errors"] in ({"comment": ["not found"]}, {"path": ["not found"]}), text
    path = f"/articles/{slug}/comments"  # asked for by somebody: what nobody is shown may be a moment old
    assert len((await call(200, "GET", path, None, newcomer))["comments"]) == 1
    await call(204, "DELETE", f"/articles/{slug}/comments/{number}", None, newcomer)
    assert (await call(200, "GET", path, None, newcomer))["comments"] == []


async def test_an_empty_slug_is_no_article_and_no_profile(call: Client, person: Person):
    assert "articles" in await call(200, "GET", "/articles/")
    await call(405, "PUT", "/articles/", {"article": {"title": "t"}}, person)
    await call(405, "DELETE", "/articles/", None, person)
    await call(404, "GET", "/articles/%20")
    await call(404, "GET", "/articles//comments")
    await call(404, "DELETE", "/articles//favorite", None, person)
    await call(404, "GET", "/profiles/")
    await call(404, "GET", "/profiles/%20")


async def test_the_count_is_the_whole_list_s_and_the_newest_come_first_without_bodies(call: Client, newcomer: Person):
    published = [(await call.publish(newcomer))["slug"] for _ in range(5)]
    newest_first = published[::-1]
    page = await call(200, "GET", f"/articles?author={newcomer.username}&limit=2&offset=1")
    assert page["articlesCount"] == 5
    assert [article["slug"] for article in page["articles"]] == newest_first[1:3]
    assert all("body" not in article for article in page["articles"])
    everything = await call(200, "GET", "/articles?limit=100")
    assert [a["slug"] for a in everything["articles"] if a["author"]["username"] == newcomer.username] == newest_first


async def test_markup_is_data(http: aiohttp.ClientSession, call: Client, newcomer: Person):
    image = f"javascript:alert(1)//{MARKUP}"
    changed = await call(200, "PUT", "/user", {"user": {"bio": MARKUP, "image": image}}, newcomer)
    assert (changed["user"]["bio"], changed["user"]["image"]) == (MARKUP, image)
    article = await call.publish(newcomer, title=MARKUP, body=MARKUP, tagList=[MARKUP[:50]])
    assert (article["title"], article["body"], article["tagList"]) == (MARKUP, MARKUP, [MARKUP[:50]])
    assert "<" not in article["slug"]
    for path in (f"profiles/{newcomer.username}", f"articles/{article['slug']}", "tags", f"articles?tag={MARKUP}"):
        async with http.get(f"/api/{path}", headers={"Accept": "text/html"}) as answer:
            assert answer.content_type == "application/json"
