"""Slugs: every script's letters, nothing else, and never one that cannot be used."""

import pytest

from app.kit.slug import LONGEST, distinct, slug_of


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        pytest.param("Of Whales & Men", "of-whales-men", id="words"),
        pytest.param("  --Hello,   World!  ", "hello-world", id="edges"),
        pytest.param("snake_case/and\\slashes", "snake-case-and-slashes", id="separators"),
        pytest.param("Don't stop, it\u2019s fine", "dont-stop-its-fine", id="apostrophes"),
        pytest.param("Über die Straße", "über-die-straße", id="umlauts"),
        pytest.param("ﬁne \uff37\uff29\uff24\uff25", "fine-wide", id="compatibility forms"),
        pytest.param("cafe\u0301", "café", id="combining accents"),
        pytest.param("日本語のタイトル", "日本語のタイトル", id="japanese"),
        pytest.param("नमस्ते दुनिया", "नमस्ते-दुनिया", id="hindi keeps its vowel signs"),
        pytest.param("1984", "1984", id="digits"),
        pytest.param("1\ufe0f\u20e3 first", "1-first", id="a digit made an emoji"),
        pytest.param("zero\u200bwidth\u202e", "zero-width", id="invisible characters"),
        pytest.param("葛\U000e0100城", "葛城", id="variation selectors"),
    ],
)
def test_a_slug_is_the_words_of_the_title(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@pytest.mark.parametrize("title", ["!!! ???", "😀❤️", "\u0301\u0301", "...", "../..", ""], ids=ascii)
def test_a_title_without_letters_has_an_empty_slug_until_it_is_made_distinct(title: str) -> None:
    assert slug_of(title) == ""
    assert distinct(slug_of(title)).isalnum()


def test_a_reserved_slug_gets_a_number() -> None:
    assert slug_of("Feed!", {"feed"}) == "feed-2"
    assert slug_of("Feeds", {"feed"}) == "feeds"


def test_a_slug_is_bounded_with_its_suffix_too() -> None:
    slug = slug_of("ab " * 5000)

    assert len(distinct(slug)) <= LONGEST
    assert not slug.endswith("-")


def test_a_distinct_slug_is_another_one_at_each_call() -> None:
    assert len({distinct("whales") for _ in range(1000)}) == 1000
