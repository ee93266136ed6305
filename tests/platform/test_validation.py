"""JSON into a type: every fault of a body at once, each in words that say what would be right."""

import msgspec
import pytest
from msgspec import Struct

from app.kit.errors import NotFound
from app.platform.storable import LARGEST
from app.platform.validation import decode, row_id
from tests.platform.validated import GOOD, Author, Cat, Dog, Strict, wrong


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
def test_a_violation_says_what_would_be_right(name, value, code, text):
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


def test_a_fault_far_down_a_long_list_is_found_where_there_is_no_other():
    assert wrong(list[str], ["a"] * 5000 + [1]) == [("/5000", "invalid", "is not valid: Expected `str`, got `int`")]


@pytest.mark.parametrize("text", ["1", "42", str(LARGEST)])
def test_an_id_is_digits_alone(text):
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
