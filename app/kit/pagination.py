"""Two ways through a long list: offset pages with a total, and keyset slices that never skip or repeat a row."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from app.kit.errors import Invalid
from app.kit.schema import example

T = TypeVar("T")


class Window(msgspec.Struct, frozen=True):
    """Which rows of a list: `limit` of them, after `offset` others."""

    limit: int = 20
    offset: int = 0


class Page(msgspec.Struct, Generic[T], gc=False):
    """The rows of a window, and how many the whole list has."""

    items: list[T]
    total: int


class After(msgspec.Struct, frozen=True):
    """Which rows of a list: `limit` of them, behind the row that the cursor names."""

    limit: int = 20
    cursor: str | None = None


class Slice(msgspec.Struct, Generic[T], gc=False):
    """The rows behind a cursor, and the cursor of the last one where more follow."""

    items: list[T]
    next: Annotated[str, example("WyIwMTljMTMxOSJd")] | None


def cursor_of(key: Sequence[Any]) -> str:
    """An opaque name for a row: its sort key, as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).rstrip(b"=").decode()


def key_of(cursor: str, kinds: Sequence[type]) -> tuple[Any, ...]:
    """The sort key behind a cursor. Raises Invalid when it is not one that this list gave out."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.convert(msgspec.json.decode(raw), tuple.__class_getitem__(tuple(kinds)))
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise Invalid("query:after", "is not a cursor of this list") from error
