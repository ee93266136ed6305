"""What a user's fields may hold: the one place for every door, the API's, another module's and the command line's."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from app.domain.accounts.guessing import guessing_faults
from app.domain.accounts.names import (
    Fault,
    display_name_faults,
    display_name_form,
    email_faults,
    email_form,
    username_faults,
    username_form,
)
from app.kit.errors import Invalid, Violation

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 1024
SURROGATE = re.compile("[\ud800-\udfff]")  # so Python reads a byte that is not UTF-8 from a terminal or a pipe
LONGEST_BIO = 10_000
LONGEST_IMAGE = 2_048


def password_faults(password: str) -> Iterator[Fault]:
    """What is wrong with a password: too short, too long, nothing but white space, or bytes that are no text."""
    if not password.strip():
        yield "blank", "can't be blank"
    elif len(password) < SHORTEST_PASSWORD:
        yield "too_short", f"must have at least {SHORTEST_PASSWORD} characters"
    elif len(password) > LONGEST_PASSWORD:
        yield "too_long", f"must have at most {LONGEST_PASSWORD} characters"
    elif SURROGATE.search(password):
        yield "encoding", "must be UTF-8"


def bio_faults(text: str) -> Iterator[Fault]:
    """What is wrong with a biography: its length alone, since it is served as data."""
    if len(text) > LONGEST_BIO:
        yield "too_long", f"must have at most {LONGEST_BIO} characters"


def image_faults(address: str) -> Iterator[Fault]:
    """What is wrong with the address of an image: its length alone, since it is served as data."""
    if len(address) > LONGEST_IMAGE:
        yield "too_long", f"must have at most {LONGEST_IMAGE} characters"


class Rule(NamedTuple):
    """Of a field: its name in a body, the form in which it is kept, and what is wrong with a value of that form."""

    pointer: str
    form: Callable[[str], str]
    faults: Callable[[str], Iterator[Fault]]


RULES = {
    "username": Rule("/username", username_form, username_faults),
    "email": Rule("/email", email_form, email_faults),
    "password": Rule("/password", str, password_faults),
    "display_name": Rule("/displayName", display_name_form, display_name_faults),
    "bio": Rule("/bio", str, bio_faults),
    "image": Rule("/image", str, image_faults),
}


def strict_rules(common: frozenset[str], personal: Iterable[str]) -> dict[str, Rule]:
    """The rules, of which that of the password refuses what is easy to guess, too: see `guessing_faults`."""
    texts = tuple(personal)

    def faults(password: str) -> Iterator[Fault]:
        yield from password_faults(password)
        if password.strip():
            yield from guessing_faults(password, common, texts)

    return {**RULES, "password": RULES["password"]._replace(faults=faults)}


def checked(rules: Mapping[str, Rule] = RULES, /, **given: str | None) -> dict[str, str]:
    """The fields in the form in which they are kept; None counts as blank. Raises Invalid with all that is wrong."""
    kept = {field: rules[field].form(text or "") for field, text in given.items()}
    violations = [
        Violation(rules[field].pointer, code, text)
        for field, value in kept.items()
        for code, text in rules[field].faults(value)
    ]
    if violations:
        raise Invalid.of(violations)
    return kept


def required(**given: str | None) -> None:
    """Nothing where every field has some text. Raises Invalid with those that are blank."""
    violations = [
        Violation(RULES[field].pointer, "blank", "can't be blank")
        for field, text in given.items()
        if not (text or "").strip()
    ]
    if violations:
        raise Invalid.of(violations)
