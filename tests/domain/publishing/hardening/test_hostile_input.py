"""Hostile input against a real server, as far as a route sees it: queries, bodies, media types, sizes, cursors."""

import base64
import json
import secrets
from urllib.parse import quote

import aiohttp
import pytest

from tests.domain.publishing.hardening.people import Person
from tests.domain.publishing.hardening.wire import JSON, Answer, request

MEGABYTE = 1_000_000
DEEP = 100_000


@pytest.fixture
def post(answer, person: Person):
    """Post a body to an address, as somebody signed in."""

    def post(target: str, body: bytes | object, *headers: bytes) -> Answer:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return answer(request("POST", target, *(headers or [JSON]), body=sent, token=person.token))

    return post


NUMBERS = ["%D9%A1", "%2B1", "+1", "1_0", "1%20", "%201", "-1", "", "abc", "1e1", "1.0", "0x10", "NaN", "Infinity"]
NUMBERS += ["true", "null", "[]", "%00", "1%00", "9" * 20, "9" * 5_000, "-9223372036854775809"]


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: repr(text[:20]))
def test_a_number_in_a_query_is_written_in_plain_digits(answer, name: str, text: str):
    refused = answer(request("GET", f"/api/articles?{name}={text}")).problem(422)
    assert list(refused.errors) == [name]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=1&limit=2", 422),
        ("limit", 422),
        ("offset=9007199254740993", 422),
        ("offset=9223372036854775807", 422),
        ("offset=9007199254740992", 200),
        ("tag=a%00b", 422),
        ("tag=a&tag=b", 422),
        ("author=%00", 422),
        ("favorited=%00", 422),
        ("tag=%ff", 400),
        ("%ff=1", 400),
        ("tag=%ed%a0%80", 400),
        ("tag=" + "a" * 8_000, 200),
        ("tag=" + quote("'; DROP TABLE publishing_article; --"), 200),
        ("author=%25&tag=_", 200),
        ("%00=1", 200),
        ("&&==&=&?", 200),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_query_is_refused_or_finds_nothing(answer, query: str, status: int):
    answered = answer(request("GET", f"/api/articles?{query}"))
    if status == 200:
        assert answered.status == 200
    else:
        answered.problem(status)


def cursor(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "%00",
        "é",
        "A" * 200,
        cursor(b"null"),
        cursor(b"[]"),
        cursor(b"{}"),
        cursor(b"[1]"),
        cursor(b'["a"]'),
        cursor(b'["019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f31", 1]'),
        cursor(b'["\xff"]'),
        cursor(b"[" * 100),
        cursor(b"[" + b"9" * 100 + b"]"),
        cursor(b"[NaN]"),
        cursor(b'["\\u0000"]'),
        cursor(b'["0001-01-01T00:00:00+23:59"]'),
        cursor(b'["9999-12-31T23:59:59-23:59"]'),
        cursor(b'["2026-11-21T00:00:00"]'),
    ],
    ids=lambda text: text[:30],
)
def test_a_cursor_that_was_not_given_out_is_refused(answer, person: Person, after: str):
    asked = request("GET", f"/api/v1/accounts/tokens?after={quote(after, safe='%')}", token=person.token)
    assert list(answer(asked).problem(422).errors) == ["after"]


UNREADABLE = {
    "nothing": b" ",
    "not JSON": b"{article: 1}",
    "cut short": b'{"article": {"title": "a',
    "more behind it": b"{} {}",
    "a mark of byte order": b"\xef\xbb\xbf{}",
    "UTF-16": '{"article": {}}'.encode("utf-16"),
    "not UTF-8": b'{"article": {"title": "\xff"}}',
    "overlong UTF-8": b'{"article": {"title": "\xc0\xaf"}}',
    "half a pair": b'{"article": {"title": "\\ud800"}}',
    "half a pair in UTF-8": b'{"article": {"title": "\xed\xa0\x80"}}',
    "a NUL byte": b'{"article": {"title": "a\0b"}}',
    "NaN": b'{"article": {"title": NaN}}',
    "Infinity": b'{"article": {"title": -Infinity}}',
    "an octal number": b'{"article": {"title": 010}}',
    "brackets without end": b"[" * DEEP,
    "nested lists": b"[" * DEEP + b"]" * DEEP,
    "nested objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "nested in a member that is ignored": b'{"article": {"junk": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "nested in a text": b'{"article": {"title": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
}


@pytest.mark.parametrize("target", ["/api/articles", "/api/v1/accounts/users", "/api/v1/accounts/tokens"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_malformed(post, target: str, body: bytes):
    assert post(target, body).problem(400).code == "malformed"


def test_a_body_that_is_missing_is_malformed(answer, person: Person):
    assert answer(request("POST", "/api/articles", JSON, token=person.token)).problem(400).errors == {
        "body": ["is empty"]
    }


WRONG_TEXTS = {
    "a NUL character": b'"a\\u0000b"',
    "null": b"null",
    "nothing": b'""',
    "white space": b'" \\t\\n\\u00a0\\u3000"',
    "a number": b"1",
    "beyond 64 bits": b"99999999999999999999",
    "beyond all bounds": b"9" * 5_000,
    "beyond a double": b"1e999",
    "true": b"true",
    "a list": b"[]",
    "an object": b'{"$ne": null}',
    "too long": b'"' + b"a" * 100_001 + b'"',
}


@pytest.mark.parametrize("member", ["title", "description", "body"])
@pytest.mark.parametrize("text", WRONG_TEXTS.values(), ids=WRONG_TEXTS)
def test_a_text_that_is_none_is_invalid(post, member: str, text: bytes):
    draft = {"title": b'"t"', "description": b'"d"', "body": b'"b"'} | {member: text}
    members = b", ".join(f'"{name}": '.encode() + value for name, value in draft.items())
    assert list(post("/api/articles", b'{"article": {' + members + b"}}").problem(422).errors) == [member]


@pytest.mark.parametrize(
    "tags",
    [None, "a", 1, {}, [None], [1], [[]], [""], ["\0"], ["a" * 51], ["a"] * 51, ["a", {"$gt": ""}]],
    ids=lambda tags: str(tags)[:20],
)
def test_tags_that_are_none_are_invalid(post, tags: object):
    draft = {"title": "t", "description": "d", "body": "b", "tagList": tags}
    assert "tagList" in post("/api/articles", {"article": draft}).problem(422).violations[0].pointer


def test_everything_wrong_is_told_at_once(answer, person: Person):
    draft = b'{"article": {"title": "\\u0000", "description": 1, "tagList": [""]}}'
    refused = answer(request("POST", "/api/articles?x=1", JSON, body=draft, token=person.token)).problem(422)
    assert {violation.pointer for violation in refused.violations} == {
        "/article/title",
        "/article/description",
        "/article/body",
        "/article/tagList/0",
    }


NAMES = {
    "a NUL character": "a\0b",
    "over 64 characters": "a" * 65,
    "over 255 bytes": "漢" * 100,
    "longer once it is normalized": "\ufdfa" * 64,
    "invisible": "ann\u200bsmith",
    "right to left": "\u202eann",
    "look-alikes": "pаypal",  # noqa: RUF001 - the second letter is Cyrillic: that is the attack
    "only marks": "\u0301\u0301",
    "markup": "<script>alert(1)</script>",
    "a path": "../admin",
    "a slash": "a/b",
    "an emoji": "🐳",
    "a private character": "\ue000",
    "two lines": "ann\r\nsmith",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_misleads_is_invalid_at_both_doors(post, name: str):
    new = {"username": name, "email": f"{secrets.token_hex(4)}@example.com", "password": "correct horse"}
    assert "username" in post("/api/users", {"user": new}).problem(422).errors
    assert "username" in post("/api/v1/accounts/users", new).problem(422).errors


TITLES = {
    "10,000 characters": "a" * 10_000,
    "501 characters": "a" * 501,
}
USABLE_TITLES = {
    "500 characters of 4 bytes": "".join(chr(0x20000 + number * 37) for number in range(500)),
    "eighteen times longer once it is normalized": "\ufdfa" * 500,
    "marks alone": "\u0301" * 500,
    "a right-to-left mark": "\u202ewhales",
    "no letter": "!!! ??? 🐳",
    "markup": "<script>alert(1)</script>",
    "a path": "../../etc/passwd",
    "two lines": "whales\r\nSet-Cookie: a=b",
    "a reserved word": "feed",
    "a percent sign": "%00 %2F",
    "letters that grow when lowered": "İ" * 500,
}


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_a_title_that_is_too_long_is_invalid(post, title: str):
    draft = {"title": title, "description": "d", "body": "b"}
    assert list(post("/api/articles", {"article": draft}).problem(422).errors) == ["title"]


@pytest.mark.parametrize("title", USABLE_TITLES.values(), ids=USABLE_TITLES)
async def test_any_other_title_is_kept_and_leads_back(http: aiohttp.ClientSession, person: Person, title: str):
    draft = {"title": title, "description": "d", "body": "b"}
    async with http.post("/api/articles", json={"article": draft}, headers=person.headers) as made:
        assert made.status == 201
        location = made.headers["location"]
        article = (await made.json())["article"]
    assert article["title"] == title
    assert location == f"/api/articles/{quote(article['slug'])}"
    async with http.get(location) as read:
        assert (await read.json())["article"]["slug"] == article["slug"]


@pytest.mark.parametrize("body", [b"null", b"[]", b'"article"', b"1", b'{"article": null}', b'{"article": []}'])
def test_a_body_of_another_shape_is_invalid(post, body: bytes):
    post("/api/articles", body).problem(422)


@pytest.mark.parametrize(
    "media_type",
    [
        [],
        [b"Content-Type: text/plain"],
        [b"Content-Type: text/plain;charset=UTF-8"],
        [b"Content-Type: application/x-www-form-urlencoded"],
        [b"Content-Type: multipart/form-data; boundary=x"],
        [b"Content-Type: multipart/form-data"],
        [b"Content-Type: application/jsonp"],
        [b"Content-Type: text/json"],
        [b"Content-Type: application/json; charset=utf-16"],
        [b"Content-Type: application/json", b"Content-Type: text/plain"],
        [b"Content-Type: \xff\xfe"],
        [b"Content-Type: "],
    ],
    ids=lambda headers: b" and ".join(headers).decode("latin-1") or "none",
)
def test_a_body_of_another_media_type_is_refused(answer, person: Person, media_type: list[bytes]):
    body = b'{"article": {"title": "t", "description": "d", "body": "b"}}'
    refused = answer(request("POST", "/api/articles", *media_type, body=body, token=person.token))
    assert refused.problem(415).code == "unsupported_media_type"
    assert refused.headers["accept"].startswith("application/json")


@pytest.mark.parametrize("parameters", [b"", b"; charset=utf-8", b";charset=UTF-8", b'; charset="utf-8"', b"; a=b"])
def test_json_may_say_that_it_is_utf_8(answer, person: Person, parameters: bytes):
    asked = request("POST", "/api/articles", JSON + parameters, body=b"{}", token=person.token)
    answer(asked).problem(422)
