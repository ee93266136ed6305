"""A shape refuses at import what it could not read, and builds structs from rows by position."""

from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import DateTime, Numeric, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.kit.schema import Output
from app.platform.statements.shape import Shape


class Scratch(DeclarativeBase):
    """Tables that no migration knows."""


class Ship(Scratch):
    __tablename__ = "ship"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric)
    launched: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    papers: Mapped[dict[str, int] | None] = mapped_column(JSONB)


class Named(Output):
    name: str


def test_a_field_without_a_column_is_an_error_at_import():
    class Rated(Output):
        name: str
        stars: int

    with pytest.raises(TypeError, match=r"^Rated\.stars has no column$"):
        Shape(Rated, Ship)


def test_a_column_without_a_field_is_an_error_at_import():
    with pytest.raises(TypeError, match=r"^Named has no field nmae$"):
        Shape(Named, Ship, nmae=Ship.name)


@pytest.mark.parametrize("column", [Ship.price, Ship.launched], ids=["decimal", "naive timestamp"])
def test_a_type_that_needs_a_processor_is_an_error_at_import(column):
    with pytest.raises(TypeError, match=r"^Named\.name: the read lane cannot read a column of type"):
        Shape(Named, Ship, name=column)


def test_rows_become_structs_by_position_with_nested_ones_in_place():
    class Papers(Output):
        papers: dict[str, int] | None

    class ShipOut(Output):
        id: int
        inner: Papers
        owner: Named
        label: str

    shape = Shape(ShipOut, Ship, inner=Shape(Papers, Ship), owner=Shape(Named, Ship), label=literal("x"))
    assert [column.name for column in shape.columns[:3]] == ["id", "papers", "name"]
    rows = [(1, {"length": 30}, "Pequod", "whaler", "extra"), (2, None, "Rachel", "ship", "extra")]
    assert shape.builder(extra=1)(rows) == [
        ShipOut(1, Papers({"length": 30}), Named("Pequod"), "whaler"),
        ShipOut(2, Papers(None), Named("Rachel"), "ship"),
    ]
