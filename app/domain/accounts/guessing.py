"""What makes a password easy to guess: known to everybody, close to its user's own names, or nothing but digits."""

import gzip
import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from app.domain.accounts.names import Fault

COMMON = Path(__file__).with_name("common_passwords") / "passwords.txt.gz"
SIMILAR = 0.7  # share of the characters; Django's UserAttributeSimilarityValidator has the same


@cache
def common_passwords() -> frozenset[str]:
    """The passwords that are tried first, in lower case. Read at the first call: not on the loop."""
    return frozenset(gzip.decompress(COMMON.read_bytes()).decode().split("\n"))


def guessing_faults(password: str, common: frozenset[str], personal: Iterable[str]) -> Iterator[Fault]:
    """What is wrong with a password that is not blank, beside its length; `personal` are its user's names."""
    if any(_is_similar(password.lower(), text.lower()) for text in personal):
        yield "too_similar", "is too similar to the username, the email or the display name"
    if password.lower().strip() in common:
        yield "too_common", "is a password that many use"
    if password.isdecimal():
        yield "entirely_numeric", "must not be digits alone"


def _is_similar(password: str, text: str) -> bool:
    """By the characters in common, whatever their order, with the whole of the text or with a word of it."""
    return any(
        SequenceMatcher(a=password, b=part).quick_ratio() >= SIMILAR
        for part in (*re.split(r"\W+", text), text)
        if _may_be_similar(len(password), len(part))
    )


def _may_be_similar(password: int, part: int) -> bool:
    """Whether two texts of these lengths are worth the comparison, of which a long password would cost many."""
    return 2 * part >= SIMILAR * password or password < 10 * part
