"""What may come in: JSON decoded strictly into a type, or refused with everything that is wrong with it."""

from functools import lru_cache
from itertools import islice
from typing import TypeVar

import msgspec

from app.kit.errors import Invalid, Malformed, NotFound
from app.platform.storable import LARGEST, is_suspect, unstorable
from app.platform.violations import MOST_VIOLATIONS, as_msgspec_says, violations_of

T = TypeVar("T")


def decode(type_: type[T], raw: bytes) -> T:
    """A value of the type, from JSON; of a member given twice the last counts.

    Raises Malformed where it is not JSON in UTF-8, and Invalid with every violation (the first hundred). Besides what
    the type forbids: NUL characters, integers beyond 64 bits and moments that are not in the years 1 to 9999 in UTC,
    none of which PostgreSQL can store. Members that the type neither knows nor forbids are skipped.
    """
    try:
        return _decode(type_, raw)
    except RecursionError as error:
        raise Malformed("", "is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise Malformed("", f"is not UTF-8 (byte {error.start})") from error
    except msgspec.DecodeError as error:
        raise Malformed("", f"is not JSON: {str(error).removeprefix('JSON is malformed: ')}") from error


def row_id(text: str, what: str) -> int:
    """The id of a row, from a path. Raises NotFound where no row can have it: `+1`, `01`, `1_0`, other digits, 0."""
    is_plain = text.isascii() and text.isdigit() and text[0] != "0"
    if is_plain and len(text) <= len(str(LARGEST)) and int(text) <= LARGEST:
        return int(text)
    raise NotFound(what)


def _decode(type_: type[T], raw: bytes) -> T:
    text = raw.decode()  # msgspec leaves unread what it skips: invalid UTF-8 would pass in an unknown member
    try:
        value = _decoder(type_).decode(text)
    except msgspec.ValidationError as error:
        raise Invalid.of(violations_of(type_, raw) or [as_msgspec_says(error)]) from error
    if is_suspect(raw) and (violations := list(islice(unstorable(value, ""), MOST_VIOLATIONS))):
        raise Invalid.of(violations)
    return value


@lru_cache(maxsize=1024)
def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(type_)
