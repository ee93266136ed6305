"""What a statement shows: an output struct, the column behind each field, and the generated code that joins the two."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Float,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    String,
    Uuid,
    bindparam,
    select,
)
from sqlalchemy import inspect as inspected
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.sql.util import ClauseAdapter

from app.platform.database.model import Base

OutT = TypeVar("OutT", bound=msgspec.Struct)

# What asyncpg gives in Python's own types; anything else has a processor in SQLAlchemy, which this lane would skip.
PLAIN = (String, Integer, Boolean, Float, Uuid, DateTime, Date, LargeBinary)


def param(name: str, like: Any) -> BindParameter[Any]:
    """A query's argument inside a shape, of the type of the column that it is compared with."""
    return bindparam(name, type_=inspected(like).type)


class Shape(Generic[OutT]):
    """An output struct and what stands behind each of its fields: a column, an expression, another shape.

    Raises TypeError at import for a field without a column and for a column that the lane cannot read.
    """

    def __init__(
        self, struct: type[OutT], model: type[Base] | FromClause, **given: "SQLCoreOperations[Any] | Shape[Any]"
    ) -> None:
        columns = model.columns if isinstance(model, FromClause) else model.__table__.columns
        names = struct.__struct_fields__
        for name in given.keys() - set(names):
            message = f"{struct.__name__} has no field {name}"
            raise TypeError(message)
        self.struct = struct
        self.model = model
        self.parts = [_part(f"{struct.__name__}.{name}", given.get(name, columns.get(name))) for name in names]

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """The columns in the order of the fields, nested shapes in place."""
        return [c for part in self.parts for c in (part.columns if isinstance(part, Shape) else [part])]

    def select(self, source: FromClause | None = None) -> Select[Any]:
        """All the columns, from the model's table or from a statement in its place (a CTE that inserts, say)."""
        if source is None:
            return select(*self.columns).select_from(self.model)
        adapter = ClauseAdapter(source)
        return select(*[adapter.traverse(column) for column in self.columns]).select_from(source)

    def builder(self, extra: int = 0) -> "Callable[[Sequence[Any]], list[OutT]]":
        """A function from rows to structs, by position; `extra` columns behind the shape's own are passed over."""
        count = len(self.columns)
        row = "".join(f"c{number}, " for number in range(count)) + "_, " * extra
        scope: dict[str, Any] = {}
        struct = self.expression((f"c{number}" for number in range(count)), scope)
        return eval(f"lambda rows: [{struct} for {row} in rows]", scope)  # noqa: S307 - text of our own making

    def expression(self, names: Iterator[str], scope: dict[str, Any]) -> str:
        """The source text that builds this struct from the next names; `scope` collects the classes that it calls."""
        made = f"{self.struct.__name__}_{len(scope)}"
        scope[made] = self.struct
        # JSON comes as values: SQLAlchemy sets a codec on its connections that decodes it.
        parts = [p.expression(names, scope) if isinstance(p, Shape) else next(names) for p in self.parts]
        return f"{made}({', '.join(parts)})"


def _part(name: str, value: Any) -> Any:
    if value is None:
        message = f"{name} has no column"
        raise TypeError(message)
    if not isinstance(value, Shape):
        kind = value.type.item_type if isinstance(value.type, ARRAY) else value.type
        if not isinstance(kind, (*PLAIN, JSONB)) or (isinstance(kind, DateTime) and not kind.timezone):
            message = f"{name}: the read lane cannot read a column of type {kind!r}"
            raise TypeError(message)
    return value
