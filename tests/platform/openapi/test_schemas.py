"""Examples: put together from what the fields state, ended where a struct holds itself, and true to their schema."""

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from app.kit.schema import Moment, Output, example
from app.platform.openapi.schemas import Schemas
from tests.platform.openapi.whales import Drawing, NewWhale, Whale


class Order(Enum):
    NEWEST = "newest"


class Every(Struct):
    """One field of each kind."""

    kind: Literal["sperm", "right"]
    order: Order
    pair: tuple[int, str]
    share: float
    fewest: Annotated[int, Meta(ge=7)]
    by_name: dict[str, int]
    at: Moment
    mode: str = "calm"


def shown(type_: Any, *others: Any) -> Any:
    schemas = Schemas([type_, *others])
    return schemas.example(schemas[type_])


def test_what_one_field_states_holds_for_its_namesakes_of_the_same_kind():
    whale = shown(Whale, NewWhale)

    assert whale["givenName"] == "Moby"  # NewWhale states it
    assert whale["nickName"] == "Mo"
    assert whale["length"] == 18


def test_what_a_field_states_itself_comes_first():
    assert shown(Drawing, NewWhale)["givenName"] == "Old Tom"


def test_a_namesake_of_another_kind_is_left_alone():
    assert shown(Drawing, Whale)["length"] == "string"  # Whale's 18 is a number


def test_a_struct_that_holds_itself_has_an_example_that_ends():
    whale = shown(Whale)

    assert whale["calves"] == []
    assert whale["mother"] is None


def test_every_kind_of_field_has_an_example():
    assert shown(Every) == {
        "kind": "right",
        "order": "newest",
        "pair": [1, "string"],
        "share": 1.0,
        "fewest": 7,
        "by_name": {},
        "at": "2026-01-31T09:30:00Z",
        "mode": "calm",
    }


def test_structs_of_one_name_stay_two_components():
    def make(kind: Any) -> Any:
        class Twin(Output):
            told: Annotated[kind, example(None)] | None

        Twin.__module__ = f"house.{kind.__name__}"
        Twin.__qualname__ = "Twin"
        return Twin

    first, second = make(int), make(str)
    schemas = Schemas([first, second])

    assert schemas[first] != schemas[second]
    assert len(schemas.components) == 2


def test_a_type_that_was_not_asked_for_has_no_schema():
    with pytest.raises(KeyError):
        Schemas([Whale])[Drawing]
