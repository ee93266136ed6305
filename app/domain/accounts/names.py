"""What names and addresses may look like: one form for each, nothing invisible, no look-alikes from other scripts."""

import re
import unicodedata
from collections.abc import Iterator

import regex

LONGEST_USERNAME = 64
LONGEST_EMAIL = 254  # RFC 5321 allows 256 octets, angle brackets included
LONGEST_DISPLAY_NAME = 100

Fault = tuple[str, str]
"""What is wrong: a code for programs, and a text to be read behind the field's name."""

# Unicode's "Highly Restrictive" level (UTS 39, section 5.2): one of the recommended scripts (UAX 31, table 5), or a
# mixture that Japanese, Chinese or Korean is written in.
SCRIPTS = (  # noqa: SIM905 - as a list it has thirty lines
    "Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew "
    "Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan"
).split()
MIXTURES = ("Latin Han Hiragana Katakana", "Latin Han Bopomofo", "Latin Han Hangul")


def _written_in(scripts: str) -> str:
    properties = "".join(rf"\p{{scx={script}}}" for script in (*scripts.split(), "Common", "Inherited"))
    return f"[{properties}]*"


ONE_WRITING = regex.compile("|".join(map(_written_in, (*SCRIPTS, *MIXTURES))))
WORD = r"[\p{L}\p{Nd}_.-][\p{L}\p{Mn}\p{Mc}\p{Nd}_.-]*"
USERNAME = regex.compile(rf"(?=.*[\p{{L}}\p{{Nd}}]){WORD}(?: {WORD})*")

# Controls, formats, private use, unassigned, line separators, and letters that are drawn as nothing (U+3164, say).
INVISIBLE = regex.compile(r"[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]")
# Joiners and variation selectors make one emoji, or one syllable, of several characters.
UNSHOWABLE = regex.compile(r"(?V1)[[\p{C}\p{Zl}\p{Zp}]--[\u200c\u200d\U000e0020-\U000e007f]]")

# What a browser takes for an address in <input type=email> (the HTML standard, "valid e-mail address").
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{LABEL}(?:\.{LABEL})*")


def username_form(text: str) -> str:
    """The form in which a username is kept: NFKC, without the space around it."""
    return unicodedata.normalize("NFKC", text).strip()


def username_faults(name: str) -> Iterator[Fault]:
    """What is wrong with a username in that form: letters, marks, digits, `_.-` and single spaces, of one script."""
    if not name:
        yield "blank", "can't be blank"
        return
    if len(name) > LONGEST_USERNAME:
        yield "too_long", f"must have at most {LONGEST_USERNAME} characters"
    if INVISIBLE.search(name):
        yield "invisible", "must not contain invisible characters"
    elif not USERNAME.fullmatch(name):
        yield "characters", "may contain letters, digits, _ . - and single spaces between words"
    elif not ONE_WRITING.fullmatch(name):
        yield "mixed_scripts", "must not mix letters of different scripts"


def email_form(text: str) -> str:
    """The form in which an address is kept: NFKC, without the space around it, the domain in lower case."""
    local, at, domain = unicodedata.normalize("NFKC", text).strip().rpartition("@")
    return f"{local}{at}{domain.lower()}"


def email_faults(address: str) -> Iterator[Fault]:
    """What is wrong with an address in that form. A domain in another script is given in its ASCII form, `xn--…`."""
    if not address:
        yield "blank", "can't be blank"
        return
    if len(address) > LONGEST_EMAIL:
        yield "too_long", f"must have at most {LONGEST_EMAIL} characters"
    if not EMAIL.fullmatch(address):
        yield "email", "is not an email address"


def display_name_form(text: str) -> str:
    """The form in which a display name is kept: NFC, without the space around it."""
    return unicodedata.normalize("NFC", text).strip()


def display_name_faults(name: str) -> Iterator[Fault]:
    """What is wrong with a display name: nobody is told apart by it, so that it may be anything that can be seen."""
    if len(name) > LONGEST_DISPLAY_NAME:
        yield "too_long", f"must have at most {LONGEST_DISPLAY_NAME} characters"
    if UNSHOWABLE.search(name):
        yield "invisible", "must not contain invisible characters"
