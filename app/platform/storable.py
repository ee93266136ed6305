"""What JSON can say and PostgreSQL cannot store: NUL characters, integers beyond 64 bits, moments off the calendar."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.kit.errors import Violation, inside

SMALLEST, LARGEST = -(2**63), 2**63 - 1  # a bigint

NUL = b"\\u0000"
EDGES_OF_TIME = (b"0001-01-01", b"9999-12-31")  # in UTC they may be of a year that neither Python nor PostgreSQL has
NINETEEN_DIGITS = b"0" * 19
ZEROS_FOR_DIGITS = bytes.maketrans(b"123456789", b"000000000")


def is_suspect(raw: bytes) -> bool:
    """Whether JSON text may hold any of it: cheap, so that only few values are walked."""
    return (
        NUL in raw
        or NINETEEN_DIGITS in raw.translate(ZEROS_FOR_DIGITS)
        or EDGES_OF_TIME[0] in raw
        or EDGES_OF_TIME[1] in raw
    )


def unstorable(value: Any, at: str) -> Iterator[Violation]:
    """The violations in a decoded value and in all that it holds; `at` is its own pointer."""
    match value:
        case str() if "\0" in value:
            yield Violation(at, "nul", "must not contain NUL characters")
        case int() if not SMALLEST <= value <= LARGEST:
            yield Violation(at, "out_of_range", "must fit in 64 bits")
        case datetime() if value.tzinfo is not None and not _is_on_the_calendar(value):
            yield Violation(at, "out_of_range", "must be in the years 1 to 9999 in UTC")
    for part, pointer in _parts(value, at):
        yield from unstorable(part, pointer)


def _is_on_the_calendar(moment: datetime) -> bool:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _parts(value: Any, at: str) -> Iterator[tuple[Any, str]]:
    match value:
        case list() | tuple() | set() | frozenset():
            for index, item in enumerate(value):
                yield item, f"{at}/{index}"
        case dict():
            for name, member in value.items():
                yield name, inside(at, str(name))
                yield member, inside(at, str(name))
        case msgspec.Struct():
            for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
                yield getattr(value, field), inside(at, name)
