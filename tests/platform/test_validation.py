"""JSON into a type: every fault of a body at once, and nothing but the two errors that say so."""

import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from time import thread_time
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from app.kit.errors import Invalid, Malformed, NotFound
from app.platform.storable import LARGEST
from app.platform.validation import decode, row_id

Text = Annotated[str, Meta(pattern=r"\S", max_length=10)]


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Author(Struct, rename="camel"):
    user_name: Annotated[str, Meta(min_length=3)]
    age: Annotated[int, Meta(ge=0)] = 0


class Article(Struct, rename="camel", kw_only=True):
    title: Text
    body: Text
    author: Author
    tag_list: Annotated[list[Text], Meta(max_length=3)] | UnsetType = UNSET
    bio: str | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] = 1
    size: Annotated[int, Meta(gt=0, lt=10)] = 1
    even: Annotated[int, Meta(multiple_of=2)] = 2
    serial: int = 0
    price: float = 0.0
    is_open: bool = False
    colour: Colour = Colour.RED
    kind: Literal["draft", "final"] = "draft"
    id: UUID | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    on: date | None = None
    hour: time | None = None
    length: timedelta | None = None
    cost: Decimal | None = None
    blob: Annotated[bytes, Meta(max_length=3)] = b""
    slug: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    either: int | str = 0
    counts: dict[Annotated[str, Meta(max_length=3)], int] = {}
    free: Any = None


class Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    article: Article
    other_thing: int = 0


class Cat(Struct, tag="cat", tag_field="kind", forbid_unknown_fields=True):
    lives: int


class Dog(Struct, tag="dog", tag_field="kind", forbid_unknown_fields=True):
    name: str


GOOD = {"title": "a", "body": "b", "author": {"userName": "ann"}}


def wrong(type_: Any, value: Any) -> list[tuple[str, str, str]]:
    """The violations of a value, which may be JSON text already."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    with pytest.raises(Invalid) as caught:
        decode(type_, raw)
    return [(violation.pointer, violation.code, violation.text) for violation in caught.value.violations]


def test_what_is_right_is_decoded():
    article = decode(Strict, msgspec.json.encode({"article": {**GOOD, "tagList": ["x"], "unknown": [1]}})).article

    assert (article.title, article.author.user_name, article.tag_list) == ("a", "ann", ["x"])


def test_every_violation_of_a_body_is_said_at_once():
    article = {
        "title": " \u3000",
        "body": "x" * 11,
        "author": {"userName": "ab", "age": -1},
        "tagList": ["fine", "", 3],
        "bio": 3,
        "rating": 6,
        "kind": "other",
        "colour": None,
    }
    assert wrong(Strict, {"article": article, "otherThin": 1}) == [
        ("/article/title", "blank", "can't be blank"),
        ("/article/body", "too_long", "is too long (maximum is 10 characters)"),
        ("/article/author/userName", "too_short", "is too short (minimum is 3 characters)"),
        ("/article/author/age", "out_of_range", "must be at least 0"),
        ("/article/tagList/1", "blank", "can't be blank"),
        ("/article/tagList/2", "type", "must be a string"),
        ("/article/bio", "type", "must be a string"),
        ("/article/rating", "out_of_range", "must be between 1 and 5"),
        ("/article/colour", "null", "can't be null"),
        ("/article/kind", "type", "must be one of draft, final"),
        ("/otherThin", "unknown", "is not known; is it otherThing?"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "code", "text"),
    [
        ("title", 1, "type", "must be a string"),
        ("title", None, "null", "can't be null"),
        ("author", [], "type", "must be an object"),
        ("author", None, "null", "can't be null"),
        ("tagList", {}, "type", "must be a list"),
        ("tagList", None, "null", "can't be null"),
        ("tagList", ["a"] * 4, "too_long", "is too long (maximum is 3 items)"),
        ("size", 10, "out_of_range", "must be more than 0 and less than 10"),
        ("even", 3, "out_of_range", "must be a multiple of 2"),
        ("serial", 1.5, "type", "must be an integer"),
        ("serial", "1", "type", "must be an integer"),
        ("serial", True, "type", "must be an integer"),
        ("serial", LARGEST + 1, "out_of_range", "must fit in 64 bits"),
        ("rating", 10**18, "out_of_range", "must be between 1 and 5"),
        ("price", "1", "type", "must be a number"),
        ("isOpen", 1, "type", "must be true or false"),
        ("colour", "blue", "type", "must be one of red, green"),
        ("id", "1", "type", "must be a UUID"),
        ("at", "2026-11-21T10:25:00", "time_zone", "must have a time zone"),
        ("at", "tomorrow", "type", "must be a date and time as in 2026-11-21T10:25:00Z"),
        ("at", "9999-12-31T23:59:59-01:00", "out_of_range", "must be in the years 1 to 9999 in UTC"),
        ("on", "2026-02-30", "type", "must be a date as in 2026-11-21"),
        ("hour", "25:00", "type", "must be a time as in 10:25:00"),
        ("length", "1 h", "type", "must be a duration as in PT1H30M"),
        ("cost", "much", "type", "must be a decimal number"),
        ("blob", "AAAAAAAA", "too_long", "is too long (maximum is 3 bytes)"),
        ("blob", "!", "type", "must be Base64 text"),
        ("slug", "A", "pattern", "must match ^[a-z]+$"),
        ("either", [], "type", "must be an integer or a string"),
        ("either", None, "null", "can't be null"),
        ("counts", [], "type", "must be an object"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_text_of_a_violation(name, value, code, text):
    assert wrong(Strict, {"article": {**GOOD, name: value}}) == [(f"/article/{name}", code, text)]


def test_members_of_a_dict_are_told_apart():
    assert wrong(Strict, {"article": {**GOOD, "counts": {"a": "x", "b/c": None, "long": 1}}}) == [
        ("/article/counts/a", "type", "must be an integer"),
        ("/article/counts/b~1c", "null", "can't be null"),
        ("/article/counts/long", "too_long", "is too long (maximum is 3 characters)"),
    ]


def test_what_is_missing_is_blank_if_it_is_text_and_required_if_not():
    assert wrong(Strict, {}) == [("/article", "missing", "is required")]
    assert wrong(Strict, {"article": {}}) == [
        ("/article/title", "missing", "can't be blank"),
        ("/article/body", "missing", "can't be blank"),
        ("/article/author", "missing", "is required"),
    ]


@pytest.mark.parametrize(("body", "code"), [([], "type"), (None, "null"), ("x", "type"), (1, "type")], ids=repr)
def test_a_body_of_another_shape_is_itself_the_violation(body, code):
    assert [(pointer, found) for pointer, found, _ in wrong(Strict, body)] == [("", code)]


def test_a_tagged_union_is_explained_by_the_struct_of_its_tag():
    assert wrong(Cat | Dog, {"kind": "dog", "name": 1, "lives": 9}) == [
        ("/name", "type", "must be a string"),
        ("/lives", "unknown", "is not known"),
    ]
    text = "must be an object whose kind is cat or an object whose kind is dog"
    assert wrong(Cat | Dog, {"kind": "cow"}) == [("", "type", text)]
    assert wrong(Cat | Dog, b'{"kind":' + b"9" * 5000 + b"}") == [("", "type", text)]


def test_a_struct_s_own_refusal_is_said_in_its_words():
    class Span(Struct):
        first: int
        last: int

        def __post_init__(self) -> None:
            if self.first > self.last:
                raise ValueError("first must not be after last")

    assert wrong(list[Span], [{"first": 2, "last": 1}]) == [
        ("/0", "invalid", "is not valid: first must not be after last")
    ]


def test_of_a_member_given_twice_the_last_counts():
    assert decode(Author, b'{"userName":"ann","userName":"bob"}').user_name == "bob"
    assert wrong(Author, b'{"userName":1,"userName":"bob"}')[0][:2] == ("/userName", "invalid")


def test_nul_is_refused_wherever_the_type_looks():
    article = {**GOOD, "title": "a\0", "tagList": ["\0"], "free": {"deep": ["\0"]}, "ignored": "\0"}
    assert [(pointer, code) for pointer, code, _ in wrong(Strict, {"article": article})] == [
        ("/article/title", "nul"),
        ("/article/tagList/0", "nul"),
        ("/article/free/deep/0", "nul"),
    ]
    assert decode(Strict, msgspec.json.encode({"article": {**GOOD, "body": r"\u0000"}})).article.body == r"\u0000"


@pytest.mark.parametrize("digits", [19, 20, 400, 5000])
def test_integers_beyond_64_bits_are_out_of_range(digits):
    raw = b'{"title":"a","body":"b","author":{"userName":"ann"},"serial":#,"either":#,"free":[#],"price":1}'
    found = wrong(Article, raw.replace(b"#", b"9" * digits))

    assert [code for _, code, _ in found] == ["out_of_range"] * 3
    assert wrong(Literal[1, 2], b"9" * digits) == [("", "type", "must be one of 1, 2")]
    assert decode(Author, b'{"userName":"%d"}' % 10**30).user_name == str(10**30)


def test_a_number_that_no_double_holds_is_out_of_range():
    found = wrong(Article, b'{"title":"a","body":"b","author":{"userName":"ann"},"price":1e999}')
    assert found == [("/price", "out_of_range", "must fit in 64 bits")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1}x',
        b"{'a':1}",
        b'{"a":1,}',
        b"NaN",
        b"[Infinity]",
        b'"\\ud800"',
        b'"\\udc00x"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"a\0"',
        b"\xef\xbb\xbf{}",
        b'{"article":{"title":1,"x":nul}}',
        b'{"article":{"title":"a","x":"\xff"}}',
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"article":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_not_json_in_utf_8_is_malformed(raw):
    with pytest.raises(Malformed):
        decode(Strict, raw)
    with pytest.raises(Malformed):
        decode(Any, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"article":{"title":"","free":[' + b"[]," * 333_000 + b"1]}}",
        b'{"article":{"title":"","tagList":[' + b"[]," * 333_000 + b"1]}}",
        b'{"article":{"title":"","counts":{' + b",".join(b'"%d":""' % n for n in range(90_000)) + b"}}}",
        b"{" + b",".join(b'"%06d":1' % n for n in range(90_000)) + b"}",
        b'{"article":{"title":"' + b"9" * 1_000_000 + b'"}}',
        b'{"article":{"price":' + b"9" * 1_000_000 + b"}}",
        b'{"' + b"x" * 1_000_000 + b'":1}',
    ],
    ids=["unread lists", "lists for tags", "dict", "unknown members", "long text", "long number", "long name"],
)
def test_a_hostile_megabyte_is_answered_soon_and_briefly(raw):
    started = thread_time()  # of the processor: what else the machine does is not counted
    found = wrong(Strict, raw)

    assert thread_time() - started < 1  # measured: 5 to 50 ms
    assert 1 <= len(found) <= 100
    assert len(msgspec.json.encode(found)) < 20_000


def test_a_fault_far_down_a_long_list_is_found_where_there_is_no_other():
    assert wrong(list[str], ["a"] * 5000 + [1]) == [("/5000", "invalid", "is not valid: Expected `str`, got `int`")]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["red", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([field.encode_name for field in msgspec.structs.fields(Article)])
ARTICLES = st.dictionaries(FIELDS, JSON_VALUES, max_size=8).map(lambda fields: {"article": {**GOOD, **fields}})


@settings(max_examples=200, deadline=None)
@given(JSON_VALUES | ARTICLES)
def test_any_json_is_decoded_or_invalid(value):
    try:
        decode(Strict, msgspec.json.encode(value))
    except Invalid as error:
        assert error.violations  # noqa: PT017
        assert all(text and not text.startswith("is not valid") for _, _, text in wrong(Strict, value))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0d8e1-.NaIftrl \ud800', max_size=40))
@example("\ud800")
def test_any_bytes_are_decoded_malformed_or_invalid(raw):
    raw = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    for type_ in (Strict, Any, list[Article], dict[str, int], Cat | Dog, int | None):
        try:
            decode(type_, raw)
        except (Malformed, Invalid) as error:
            assert error.violations  # noqa: PT017


def test_a_depth_that_the_decoder_takes_and_the_walk_does_not_is_malformed():
    outcomes = set()
    for depth in range(50, sys.getrecursionlimit() + 100, 25):
        with pytest.raises((Malformed, Invalid)) as caught:
            decode(Any, b"[" * depth + b'"\\u0000"' + b"]" * depth)
        outcomes.add(caught.type)
    assert outcomes == {Invalid, Malformed}


@pytest.mark.parametrize("text", ["1", "42", str(LARGEST)])
def test_row_id_of_digits(text):
    assert row_id(text, "comment") == int(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "007",
        "-1",
        "+1",
        "1_0",
        " 1",
        "1.0",
        "1e2",
        "0x1",
        "\u0661",
        "\u00b2",
        str(LARGEST + 1),
        "9" * 5000,
        "1\n",
    ],
    ids=repr,
)
def test_what_no_row_has_for_an_id_is_not_found(text):
    with pytest.raises(NotFound, match="comment not found"):
        row_id(text, "comment")
