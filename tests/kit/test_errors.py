"""The error tree: what a short call at the raise says to the client."""

import re

import pytest

from app.kit import errors
from app.kit.errors import (
    AppError,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    TooSlow,
    Unauthenticated,
    Unexpected,
    UnsupportedMediaType,
    Violation,
    found,
    inside,
    require,
)


@pytest.mark.parametrize(
    ("error", "status", "field", "text", "headers"),
    [
        (Malformed("", "is not JSON"), 400, "body", "is not JSON", {}),
        (Unauthenticated("token", "is missing"), 401, "token", "is missing", {"WWW-Authenticate": "Bearer"}),
        (Forbidden("article"), 403, "article", "forbidden", {}),
        (NotFound("article"), 404, "article", "not found", {}),
        (MethodNotAllowed("GET, PUT"), 405, "method", "not allowed", {"Allow": "GET, PUT"}),
        (Conflict("username", "has already been taken"), 409, "username", "has already been taken", {}),
        (TooSlow(), 408, "body", "took too long to arrive", {"Connection": "close"}),
        (TooLarge(), 413, "body", "is too large", {"Connection": "close"}),
        (
            UnsupportedMediaType("application/json"),
            415,
            "body",
            "must be application/json",
            {"Accept": "application/json", "Accept-Post": "application/json"},
        ),
        (Invalid("body", "can't be blank"), 422, "body", "can't be blank", {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AppError) else "",
)
def test_error_names_its_field(error, status, field, text, headers):
    assert error.status == status
    assert [(violation.field, violation.text) for violation in error.violations] == [(field, text)]
    assert error.violations[0].code == error.code
    assert error.headers == headers
    assert str(error) == error.detail == f"{field} {text}"


def test_busy_says_when_to_come_back():
    error = Busy("no connection was free", retry_after=2)

    assert (error.status, error.detail, error.violations) == (503, "no connection was free", ())
    assert error.headers == {"Retry-After": "2"}


def test_headers_are_each_error_s_own():
    Busy("once", retry_after=1)
    assert Busy("twice", retry_after=2).headers == {"Retry-After": "2"}
    assert AppError().headers == Unexpected().headers == {}


def test_an_error_without_words_says_its_title():
    assert Unexpected().detail == "Unexpected failure"


def test_several_violations_are_one_error_whose_detail_is_short():
    error = Invalid.of(Violation(f"/article/{name}", "blank", "can't be blank") for name in ("a", "b", "c", "d", "e"))

    assert [violation.field for violation in error.violations] == ["a", "b", "c", "d", "e"]
    assert error.detail == "a can't be blank; b can't be blank; c can't be blank; and 2 more"


def test_a_violation_may_have_a_code_of_its_own():
    assert Invalid("username", "can't follow yourself", code="oneself").violations[0].code == "oneself"


@pytest.mark.parametrize(
    ("pointer", "field"),
    [
        ("", "body"),
        ("/title", "title"),
        ("/article/title", "title"),
        ("/article/tagList/3", "tagList"),
        ("/0", "body"),
        ("/a~1b/c~0d~1e", "c~d/e"),
        ("query:limit", "limit"),
        ("query:", "query"),
        ("/article/a:b", "a:b"),
    ],
)
def test_field_of_a_pointer(pointer, field):
    assert Violation(pointer, "invalid", "is not valid").field == field


def test_a_pointer_given_in_place_of_a_field_is_kept():
    assert Invalid("/article/title", "is taken").violations[0].pointer == "/article/title"
    assert Invalid("query:limit", "is odd").violations[0].pointer == "query:limit"
    assert Invalid("title", "is taken").violations[0].pointer == "/title"


def test_a_member_s_name_is_escaped_and_cut_in_a_pointer():
    assert inside("/article", "a/b~c") == "/article/a~1b~0c"
    assert len(inside("", "x" * 1_000_000)) == 81


def test_found_gives_back_what_is_there():
    assert found("", "article") == ""
    with pytest.raises(NotFound) as caught:
        found(None, "article")
    assert caught.value.detail == "article not found"


def test_require_raises_where_it_is_not_allowed():
    require(True, "article")
    with pytest.raises(Forbidden):
        require(False, "article")


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {tuple(row) for row in re.findall(r"(\w+) +(\d{3})  (\w+)$", AppError.__doc__, re.MULTILINE)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AppError)]

    assert drawn == {(kind.__name__, str(kind.status), kind.code) for kind in kinds}
    assert len({kind.code for kind in kinds}) == len({kind.title for kind in kinds}) == len(kinds)
