"""From a title to the part of an address that names it: letters of any script, in lower case, joined by hyphens."""

import secrets
import unicodedata
from collections.abc import Collection, Iterator

LONGEST = 100  # characters, a suffix included
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without what is misread: l and 1, o and 0
SUFFIX = 8  # characters: a trillion different ones, so that a title shared by thousands still finds a free slug


def slug_of(title: str, reserved: Collection[str] = ()) -> str:
    """The words of a title, joined by hyphens; a reserved one gets `-2`. Empty where it has no letter and no digit."""
    words = "".join(_written(unicodedata.normalize("NFKC", title).lower())).split()
    slug = "-".join(words)[: LONGEST - SUFFIX - 1].rstrip("-")
    return f"{slug}-2" if slug in reserved else slug


def distinct(slug: str) -> str:
    """The slug with a random suffix: another one at each call, and usable where the slug is empty."""
    suffix = "".join(secrets.choice(ALPHABET) for _ in range(SUFFIX))
    return f"{slug}-{suffix}" if slug else suffix


def _written(text: str) -> Iterator[str]:
    """The text with spaces for all that a slug leaves out.

    A mark stays where it belongs to a letter: without its vowel signs a Hindi or Thai word is another one. Behind
    anything else it is dropped, as are variation selectors: an emoji would leave a slug that nobody can see.
    """
    on_letter = False
    for character in text:
        kind = unicodedata.category(character)[0]
        if kind == "M":
            yield character if on_letter and not _selects_variation(character) else ""
            continue
        on_letter = kind == "L"
        if character not in "'’":  # noqa: RUF001 - "don't" is one word, with either apostrophe
            yield character if kind in "LN" else " "


def _selects_variation(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
