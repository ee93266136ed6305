"""Which names are taken for names, in which form they are kept, and what is said of the others."""

# ruff: noqa: RUF001 - letters that look alike are what is tested

import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.accounts.names import (
    Fault,
    display_name_faults,
    display_name_form,
    email_faults,
    email_form,
    username_faults,
    username_form,
)
from app.domain.accounts.services import as_username


def codes(faults: Iterable[Fault]) -> list[str]:
    return [code for code, _ in faults]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ann", id="ascii"),
        pytest.param("Ann Smith", id="two words"),
        pytest.param("J. R. R. Tolkien", id="initials"),
        pytest.param("_under-score.d_", id="punctuation"),
        pytest.param("007", id="digits"),
        pytest.param("Łukasz Langa", id="latin with a stroke"),
        pytest.param("Nguyễn Thị Minh", id="latin with two marks"),
        pytest.param("Мария", id="cyrillic"),
        pytest.param("Μαρία2", id="greek with a digit"),
        pytest.param("محمد ١٢", id="arabic with its digits"),
        pytest.param("देवनागरी", id="devanagari with vowel signs"),
        pytest.param("山田タロウ", id="han and katakana"),
        pytest.param("スーパーmario", id="japanese with latin"),
        pytest.param("김철수金", id="hangul and han"),
        pytest.param("x" * 64, id="as long as may be"),
    ],
)
def test_a_name_is_a_name(name: str) -> None:
    assert codes(username_faults(username_form(name))) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("", ["blank"], id="empty"),
        pytest.param(" \t\u3000", ["blank"], id="white space"),
        pytest.param("x" * 65, ["too_long"], id="too long"),
        pytest.param("ﷺ" * 4, ["too_long"], id="too long once normalised"),
        pytest.param("ann\0", ["invisible"], id="NUL"),
        pytest.param("an\nn", ["invisible"], id="line feed"),
        pytest.param("an\u200bn", ["invisible"], id="zero width space"),
        pytest.param("an\u00adn", ["invisible"], id="soft hyphen"),
        pytest.param("an\u202en", ["invisible"], id="right-to-left override"),
        pytest.param("an\ue000n", ["invisible"], id="private use"),
        pytest.param("an\u0378n", ["invisible"], id="unassigned"),
        pytest.param("an\ud800n", ["invisible"], id="surrogate"),
        pytest.param("an\u2028n", ["invisible"], id="line separator"),
        pytest.param("\u3164", ["invisible"], id="hangul filler, a letter"),
        pytest.param("ann\ufe0f", ["invisible"], id="variation selector, a mark"),
        pytest.param("an\u034fn", ["invisible"], id="grapheme joiner, a mark"),
        pytest.param("ann  smith", ["characters"], id="two spaces"),
        pytest.param("ann@example", ["characters"], id="at"),
        pytest.param("../ann", ["characters"], id="slash"),
        pytest.param("..", ["characters"], id="a step up in a path"),
        pytest.param("-", ["characters"], id="without a letter"),
        pytest.param("<b>ann", ["characters"], id="markup"),
        pytest.param("ann 😀", ["characters"], id="emoji"),
        pytest.param("\u0301ann", ["characters"], id="begins with a mark"),
        pytest.param("a\u20ddnn", ["characters"], id="enclosing mark"),
        pytest.param("аnn", ["mixed_scripts"], id="cyrillic a in latin"),
        pytest.param("pаypаl", ["mixed_scripts"], id="cyrillic within latin"),
        pytest.param("αnn", ["mixed_scripts"], id="greek alpha in latin"),
        pytest.param("ann Мария", ["mixed_scripts"], id="latin word, cyrillic word"),
        pytest.param("ann١", ["mixed_scripts"], id="arabic digit in latin"),
        pytest.param("タ김", ["mixed_scripts"], id="katakana and hangul"),
        pytest.param("𐌰𐌽𐌽", ["mixed_scripts"], id="gothic, not of the recommended"),
        pytest.param("x" * 65 + "\u200b", ["too_long", "invisible"], id="two faults"),
    ],
)
def test_a_name_is_refused_with_every_fault(name: str, expected: list[str]) -> None:
    assert codes(username_faults(username_form(name))) == expected


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("  ann ", "ann", id="trimmed"),
        pytest.param("ａｎｎ", "ann", id="full width"),
        pytest.param("ﬁnn", "finn", id="ligature"),
        pytest.param("Ann\u00a0Smith", "Ann Smith", id="no-break space"),
        pytest.param("e\u0301va", "éva", id="composed"),
        pytest.param("Ann", "Ann", id="case kept"),
    ],
)
def test_a_name_has_one_form(given: str, kept: str) -> None:
    assert username_form(given) == kept


# What Python's Unicode does not know yet cannot be checked by it.
@given(st.text(st.characters(exclude_categories=["Cn"]), max_size=80))
@settings(deadline=None)
def test_a_kept_name_is_stable_and_harmless(text: str) -> None:
    kept = username_form(text)
    assert username_form(kept) == kept
    if not codes(username_faults(kept)):
        assert 0 < len(kept) <= 64
        assert {unicodedata.category(c)[0] for c in kept} <= {"L", "M", "N", "P", "Z"}
        assert not set(kept) & set("/\\@?#%&<>\"'\n\0")


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("ann@example.com", id="plain"),
        pytest.param("a.b+c'd@sub.example.co.uk", id="punctuation"),
        pytest.param("a@localhost", id="no dot"),
        pytest.param("a@xn--mnchen-3ya.de", id="international domain in its ascii form"),
        pytest.param("a" * 64 + "@" + "b" * 63 + ".com", id="long"),
    ],
)
def test_an_address_is_an_address(address: str) -> None:
    assert codes(email_faults(email_form(address))) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("", ["blank"], id="empty"),
        pytest.param("\u3000 ", ["blank"], id="white space"),
        pytest.param("ann", ["email"], id="no at"),
        pytest.param("@example.com", ["email"], id="no name"),
        pytest.param("ann@", ["email"], id="no domain"),
        pytest.param("a@b@example.com", ["email"], id="two ats"),
        pytest.param("ann smith@example.com", ["email"], id="space"),
        pytest.param("ann@-example.com", ["email"], id="label begins with a hyphen"),
        pytest.param("ann@exam..com", ["email"], id="empty label"),
        pytest.param("ann@example.com\n", [], id="line feed around, which is trimmed"),
        pytest.param("ann@exa\nmple.com", ["email"], id="line feed inside"),
        pytest.param("ann\u200b@example.com", ["email"], id="invisible"),
        pytest.param("аnn@example.com", ["email"], id="cyrillic a"),
        pytest.param("ann@münchen.de", ["email"], id="domain not in ascii"),
        pytest.param("ann\0@example.com", ["email"], id="NUL"),
        pytest.param("a" * 243 + "@example.com", ["too_long"], id="too long"),
        pytest.param("a" * 300, ["too_long", "email"], id="too long and no address"),
    ],
)
def test_an_address_is_refused_with_every_fault(address: str, expected: list[str]) -> None:
    assert codes(email_faults(email_form(address))) == expected


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param(" Ann@Example.COM ", "Ann@example.com", id="domain in lower case"),
        pytest.param("ann＠ｅxample.com", "ann@example.com", id="full width"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str) -> None:
    assert email_form(given) == kept


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("", [], id="none"),
        pytest.param("Ann “the sailor” Smith ⛵", [], id="anything that is seen"),
        pytest.param("👩\u200d💻", [], id="joined emoji"),
        pytest.param("x" * 101, ["too_long"], id="too long"),
        pytest.param("Ann\u202eadmin", ["invisible"], id="right-to-left override"),
        pytest.param("Ann\nadmin", ["invisible"], id="line feed"),
    ],
)
def test_a_display_name_is_whatever_can_be_seen(name: str, expected: list[str]) -> None:
    assert codes(display_name_faults(display_name_form(name))) == expected


@pytest.mark.parametrize(
    ("text", "name"), [(" Ann\u00a0Smith", "Ann Smith"), ("Ann <ann@example.com>", None), ("", None)], ids=repr
)
def test_a_text_is_a_username_or_not(text: str, name: str | None) -> None:
    assert as_username(text) == name
