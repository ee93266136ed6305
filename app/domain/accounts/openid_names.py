"""How somebody is called who comes from a provider: by the name that they have there, as far as it can be one here."""

import secrets
from collections.abc import Iterable, Iterator

import regex

from app.domain.accounts.names import LONGEST_USERNAME, username_faults, username_form

LEFT_OUT = regex.compile(r"[^\p{L}\p{Mn}\p{Mc}\p{Nd}_.-]+")
SUFFIX = 10  # characters that are left for one
NUMBERS = range(2, 10)


def candidates(told: Iterable[str]) -> list[str]:
    """Names of which the first that is free may be taken; the last is never taken."""
    name = next(_possible(told), "user")
    return [name, *(f"{name}-{number}" for number in NUMBERS), f"{name}-{secrets.token_hex(4)}"]


def _possible(told: Iterable[str]) -> Iterator[str]:
    """Of each text what stands before an @, without what no name has."""
    for text in told:
        name = LEFT_OUT.sub("-", username_form(text.partition("@")[0]))[: LONGEST_USERNAME - SUFFIX].strip("-. ")
        if not any(username_faults(name)):
            yield name
