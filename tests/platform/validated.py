"""A type with every kind of field, and the violations of a value."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from app.kit.errors import Invalid
from app.platform.validation import decode

Text = Annotated[str, Meta(pattern=r"\S", max_length=10)]


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Author(Struct, rename="camel"):
    user_name: Annotated[str, Meta(min_length=3)]
    age: Annotated[int, Meta(ge=0)] = 0


class Article(Struct, rename="camel", kw_only=True):
    title: Text
    body: Text
    author: Author
    tag_list: Annotated[list[Text], Meta(max_length=3)] | UnsetType = UNSET
    bio: str | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] = 1
    size: Annotated[int, Meta(gt=0, lt=10)] = 1
    even: Annotated[int, Meta(multiple_of=2)] = 2
    serial: int = 0
    price: float = 0.0
    is_open: bool = False
    colour: Colour = Colour.RED
    kind: Literal["draft", "final"] = "draft"
    id: UUID | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    on: date | None = None
    hour: time | None = None
    length: timedelta | None = None
    cost: Decimal | None = None
    blob: Annotated[bytes, Meta(max_length=3)] = b""
    slug: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    either: int | str = 0
    counts: dict[Annotated[str, Meta(max_length=3)], int] = {}
    free: Any = None


class Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    article: Article
    other_thing: int = 0


class Cat(Struct, tag="cat", tag_field="kind", forbid_unknown_fields=True):
    lives: int


class Dog(Struct, tag="dog", tag_field="kind", forbid_unknown_fields=True):
    name: str


GOOD = {"title": "a", "body": "b", "author": {"userName": "ann"}}


def wrong(type_: Any, value: Any) -> list[tuple[str, str, str]]:
    """The violations of a value, which may be JSON text already."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    with pytest.raises(Invalid) as caught:
        decode(type_, raw)
    return [(violation.pointer, violation.code, violation.text) for violation in caught.value.violations]
