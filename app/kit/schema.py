"""The bases of every struct that enters or leaves the house."""

from datetime import datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""When something happened: without an offset from UTC it is refused."""


END = r"$(?!\n)"
"""Ends a pattern as `$` does where the API's document is read: in Python a newline may stand behind that."""


class Output(msgspec.Struct, rename="camel", gc=False):
    """What the house says: built positionally by the read lane, fields in the order of the contract.

    It holds values and never itself, so the collector need not look at it.
    """


class Input(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What the house is told: an unknown member is refused by name."""


class LenientInput(msgspec.Struct, rename="camel", kw_only=True):
    """What a front end sends back whole: unknown members are ignored, none is ever bound."""


def text(limit: int, *examples: str) -> msgspec.Meta:
    """The mark of text that is not blank and has at most so many characters.

    It is used as `Annotated[str, text(200, "Ann Smith")]`.
    """
    return msgspec.Meta(pattern=r"\S", max_length=limit, examples=list(examples) or None)


def example(value: object) -> msgspec.Meta:
    """The mark of a value that the API's document shows for a field, and for others of its name that have none."""
    return msgspec.Meta(examples=[value])
