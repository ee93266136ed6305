"""The rules of a user's fields, judged together."""

import pytest

from app.domain.accounts.rules import checked, required
from app.kit.errors import Invalid


def test_fields_are_kept_in_their_one_form() -> None:
    kept = checked(username=" \uff41nn ", email="Ann@EXAMPLE.com", password="  spaces count  ", display_name=" Ann ")
    assert kept == {
        "username": "ann",
        "email": "Ann@example.com",
        "password": "  spaces count  ",
        "display_name": "Ann",
    }


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        checked(username="", email="ann", password="short", display_name="a\0", bio="x" * 10_001, image="x" * 2_049)
    assert [(violation.pointer, violation.code) for violation in refusal.value.violations] == [
        ("/username", "blank"),
        ("/email", "email"),
        ("/password", "too_short"),
        ("/displayName", "invisible"),
        ("/bio", "too_long"),
        ("/image", "too_long"),
    ]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        pytest.param("", "blank", id="empty"),
        pytest.param(None, "blank", id="null"),
        pytest.param(" " * 8, "blank", id="white space"),
        pytest.param("1234567", "too_short", id="seven characters"),
        pytest.param("x" * 1025, "too_long", id="too long"),
        pytest.param("\udcff" * 8, "encoding", id="bytes that are not UTF-8"),
    ],
)
def test_a_password_is_refused(password: str | None, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked(password=password)
    assert [violation.code for violation in refusal.value.violations] == [code]


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("12345678", id="digits alone"),
        pytest.param("密码密码密码密码", id="eight characters of three bytes"),
        pytest.param("x" * 64, id="64 characters"),
        pytest.param("x" * 1024, id="as long as may be"),
    ],
)
def test_a_password_needs_no_composition(password: str) -> None:
    assert checked(password=password) == {"password": password}


def test_optional_fields_may_be_blank() -> None:
    assert checked(display_name=None, bio="", image=None) == {"display_name": "", "bio": "", "image": ""}


def test_required_fields_may_not_be_blank() -> None:
    required(email="x", password="y")
    with pytest.raises(Invalid) as refusal:
        required(email=" ", password=None)
    assert [violation.field for violation in refusal.value.violations] == ["email", "password"]
