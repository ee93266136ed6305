"""Reads and hot writes, each declared as a function that is run once per combination of its optional filters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    UnaryExpression,
    UpdateBase,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.sql.operators import desc_op

from app.kit.pagination import After, Page, Slice, Window, cursor_of, key_of
from app.platform.database.work import Source, UnitOfWork
from app.platform.statements.compiled import Arguments, Statement
from app.platform.statements.shape import Shape

OutT = TypeVar("OutT", bound=msgspec.Struct)
P = ParamSpec("P")

Way = Callable[[Mapping[str, Any]], Statement[OutT]]
Writing = Callable[Concatenate[Shape[OutT], P], Select[Any] | UpdateBase]

LIMIT, OFFSET = bindparam("limit", type_=BigInteger()), bindparam("offset", type_=BigInteger())


class by:  # noqa: N801 - reads as a phrase: page=by(User.id.desc())
    """A list's order: columns that together are unique, all descending or all ascending."""

    def __init__(self, *columns: Any) -> None:
        self.clauses = columns
        self.descending = all(_is_descending(column) for column in columns)
        if not self.descending and any(_is_descending(column) for column in columns):
            raise TypeError("a keyset's columns are all descending or all ascending")
        self.columns = [c.element if isinstance(c, UnaryExpression) else c for c in columns]

    def behind(self, key: Sequence[BindParameter[Any]]) -> ColumnElement[bool]:
        """The rows that come after the one with this key."""
        row, other = tuple_(*self.columns), tuple_(*key)
        return row < other if self.descending else row > other


def _is_descending(column: Any) -> bool:
    return isinstance(column, UnaryExpression) and column.modifier is desc_op


class Query(Generic[P, OutT]):
    """A read: one row, all rows, a page with its total, or a slice behind a cursor; from a reader or a unit of work."""

    def __init__(
        self,
        function: Callable[..., Select[Any]],
        shape: Shape[OutT],
        page: by | None,
        total: Callable[..., ColumnElement[int] | None] | None,
    ) -> None:
        self.name = getattr(function, "__name__", repr(function))
        self._function = function
        self._shape = shape
        self._order = page
        self._total = total
        self._arguments = Arguments(function)
        self._statements: dict[Any, Statement[OutT]] = {}

    async def one(self, source: Source, *_: P.args, **given: P.kwargs) -> OutT | None:
        """The first row, or None."""
        statement = self._statement(self._plain, given)
        rows = statement.build(await statement.fetch(source, given))
        return rows[0] if rows else None

    async def all(self, source: Source, *_: P.args, **given: P.kwargs) -> list[OutT]:
        """Every row: only for lists that are short by nature."""
        statement = self._statement(self._plain, given)
        return statement.build(await statement.fetch(source, given))

    async def page(self, source: Source, window: Window, *_: P.args, **given: P.kwargs) -> Page[OutT]:
        """The rows of the window, and the total in the same statement; behind the end, a second one counts alone."""
        asked = {**given, "limit": window.limit, "offset": window.offset}
        statement = self._statement(self._later_page if window.offset else self._first_page, asked)
        rows = await statement.fetch(source, asked)
        if rows or not window.offset:
            return Page(statement.build(rows), rows[0][-1] if rows else 0)
        counting = self._statement(self._counted, asked)
        return Page([], (await counting.fetch(source, asked))[0][0])

    async def after(self, source: Source, after: After, *_: P.args, **given: P.kwargs) -> Slice[OutT]:
        """The rows behind the cursor, by their key: rows that come or go meanwhile are neither skipped nor repeated.

        Raises Invalid for a cursor that is not of this list.
        """
        asked = {**given, "limit": after.limit + 1}
        way = self._first_slice
        if after.cursor is not None:
            way = self._next_slice
            key = key_of(after.cursor, [column.type.python_type for column in self._ordered.columns])
            asked |= {f"key{number}": value for number, value in enumerate(key)}
        statement = self._statement(way, asked)
        rows = await statement.fetch(source, asked)
        shown = rows[: after.limit]
        width = len(self._ordered.columns)
        return Slice(statement.build(shown), cursor_of(shown[-1][-width:]) if len(rows) > len(shown) else None)

    def _statement(
        self, way: Callable[[Mapping[str, Any]], Statement[OutT]], given: Mapping[str, Any]
    ) -> Statement[OutT]:
        absent = self._arguments.absent(given)
        key = (way, absent)
        statement = self._statements.get(key)
        if statement is None:
            statement = self._statements[key] = way(self._arguments.without(absent))
        return statement

    def _plain(self, arguments: Mapping[str, Any]) -> Statement[OutT]:
        rows = self._function(self._shape.select(), **arguments)
        if self._order is not None:
            rows = rows.order_by(*self._order.clauses)
        return Statement(rows, self._shape.builder())

    def _first_page(self, arguments: Mapping[str, Any]) -> Statement[OutT]:
        return self._page(self._function(self._shape.select(), **arguments).limit(LIMIT), arguments)

    def _later_page(self, arguments: Mapping[str, Any]) -> Statement[OutT]:
        """Up to the offset, keys alone are passed over; what the shape shows is fetched for the page's rows only.

        Else PostgreSQL would compute every subquery of the shape for each row that it skips: four seconds of them
        before the end of 500,000 rows. A statement of its own, because its plans are not good for the first page.
        """
        rows = self._function(self._shape.select(), **arguments)
        keys = rows.with_only_columns(*self._ordered.columns, maintain_column_froms=True).correlate(None)
        keys = keys.order_by(*self._ordered.clauses).limit(LIMIT).offset(OFFSET)
        return self._page(rows.where(tuple_(*self._ordered.columns).in_(keys)), arguments)

    def _page(self, rows: Select[Any], arguments: Mapping[str, Any]) -> Statement[OutT]:
        whole = self._function(self._shape.select(), **arguments)
        rows = rows.add_columns(self._count(whole, arguments).label("total")).order_by(*self._ordered.clauses)
        return Statement(rows, self._shape.builder(extra=1))

    def _counted(self, arguments: Mapping[str, Any]) -> Statement[OutT]:
        rows = self._function(self._shape.select(), **arguments)
        return Statement(select(self._count(rows, arguments)), self._shape.builder())

    def _count(self, rows: Select[Any], arguments: Mapping[str, Any]) -> ColumnElement[int]:
        """The declared total where it knows one for these filters, else a count of the rows that they leave."""
        declared = self._total(**arguments) if self._total else None
        if declared is not None:
            return declared
        left = rows.with_only_columns(literal_column("1"), maintain_column_froms=True).subquery()
        return select(func.count()).select_from(left).scalar_subquery()

    def _first_slice(self, arguments: Mapping[str, Any]) -> Statement[OutT]:
        return self._slice(self._function(self._shape.select(), **arguments))

    def _next_slice(self, arguments: Mapping[str, Any]) -> Statement[OutT]:
        key = [bindparam(f"key{number}", type_=column.type) for number, column in enumerate(self._ordered.columns)]
        return self._slice(self._function(self._shape.select(), **arguments).where(self._ordered.behind(key)))

    def _slice(self, rows: Select[Any]) -> Statement[OutT]:
        columns = self._ordered.columns
        rows = rows.add_columns(*columns).order_by(*self._ordered.clauses).limit(LIMIT)
        return Statement(rows, self._shape.builder(extra=len(columns)))

    @property
    def _ordered(self) -> by:
        if self._order is None:
            message = f"{self.name} has no order: declare @query(…, page=by(…))"
            raise TypeError(message)
        return self._order


def query(
    shape: Shape[OutT],
    *,
    page: by | None = None,
    total: Callable[..., ColumnElement[int] | None] | None = None,
) -> Callable[[Callable[Concatenate[Select[Any], P], Select[Any]]], Query[P, OutT]]:
    """Declare a read: the function narrows a select of the shape; `page` orders it, `total` counts it."""

    def declare(function: Callable[Concatenate[Select[Any], P], Select[Any]]) -> Query[P, OutT]:
        return Query(function, shape, page, total)

    return declare


class Command(Generic[P, OutT]):
    """A hot write as one statement, inside a unit of work; what it returns is shown in a shape."""

    def __init__(self, function: Writing[OutT, P], shape: Shape[OutT]) -> None:
        self._function = function
        self._shape = shape
        self._arguments = Arguments(function)
        self._statements: dict[tuple[str, ...], Statement[OutT]] = {}

    async def one(self, work: UnitOfWork, *_: P.args, **given: P.kwargs) -> OutT | None:
        """Run it; the first row that it returns, or None."""
        rows = await self._run(work, given)
        return rows[0] if rows else None

    async def all(self, work: UnitOfWork, *_: P.args, **given: P.kwargs) -> list[OutT]:
        """Run it; every row that it returns."""
        return await self._run(work, given)

    async def _run(self, work: UnitOfWork, given: Mapping[str, Any]) -> list[OutT]:
        absent = self._arguments.absent(given)
        statement = self._statements.get(absent)
        if statement is None:
            clause = self._function(self._shape, **self._arguments.without(absent))
            statement = self._statements[absent] = Statement(clause, self._shape.builder())
        return statement.build(await statement.fetch(work, given))


def command(shape: Shape[OutT]) -> Callable[[Writing[OutT, P]], Command[P, OutT]]:
    """Declare a hot write: the function is given the shape, and returns the statement that writes and shows."""

    def declare(function: Writing[OutT, P]) -> Command[P, OutT]:
        return Command(function, shape)

    return declare
