"""The rules of a user's fields, judged together."""

import pytest

from app.domain.accounts.guessing import common_passwords
from app.domain.accounts.rules import checked, required, strict_rules
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


@pytest.mark.parametrize(
    ("password", "codes"),
    [
        pytest.param("", ["blank"], id="blank"),
        pytest.param("1234", ["too_short", "too_common", "entirely_numeric"], id="everything"),
        pytest.param("smiht", ["too_short", "too_similar"], id="short, and a part of the address"),
        pytest.param(" Password123 ", ["too_common"], id="common in capitals, with space around it"),
        pytest.param("٩٨٧٦٥٤٣٢١٠٩٨٧", ["entirely_numeric"], id="digits of another script"),
        pytest.param("annsmith1", ["too_similar"], id="a part of the address, and a digit"),
        pytest.param("htimsnna", ["too_similar"], id="the same letters in another order"),
        pytest.param("2" * 1025, ["too_long", "entirely_numeric"], id="long"),
        pytest.param("correct horse battery staple", [], id="good"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str, codes: list[str]) -> None:
    rules = strict_rules(common_passwords(), ["ann", "ann.smith@example.com"])
    assert [code for code, _ in rules["password"].faults(password)] == codes


def test_without_strict_rules_the_length_alone_counts() -> None:
    assert checked(password="password") == {"password": "password"}


def test_optional_fields_may_be_blank() -> None:
    assert checked(display_name=None, bio="", image=None) == {"display_name": "", "bio": "", "image": ""}


def test_required_fields_may_not_be_blank() -> None:
    required(email="x", password="y")
    with pytest.raises(Invalid) as refusal:
        required(email=" ", password=None)
    assert [violation.field for violation in refusal.value.violations] == ["email", "password"]
