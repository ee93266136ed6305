"""A statement as asyncpg wants it: SQL with numbered parameters, and a function that puts arguments in their order."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_type_hints
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Boolean,
    DateTime,
    Float,
    LargeBinary,
    Select,
    String,
    Table,
    TextClause,
    UpdateBase,
    Uuid,
    bindparam,
)
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeEngine

from app.platform.database.work import Source

T = TypeVar("T")

# Filled with the names of the tables that are read, where somebody wants to know them.
TABLES_READ: ContextVar[set[str] | None] = ContextVar("tables read", default=None)

DIALECT = asyncpg_dialect()
# The SQL type of a parameter, by the annotation of the argument that it stands for.
PARAMETERS: dict[Any, TypeEngine[Any]] = {
    str: String(),
    int: BigInteger(),
    bool: Boolean(),
    float: Float(),
    bytes: LargeBinary(),
    UUID: Uuid(),
    datetime: DateTime(timezone=True),
    list[str]: ARRAY(String()),
    list[UUID]: ARRAY(Uuid()),
}


class Statement(Generic[T]):
    """One compiled statement: its SQL, a function from arguments to parameters, and one from rows to structs."""

    __slots__ = ("bind", "build", "sql", "tables")

    def __init__(self, clause: "Select[Any] | UpdateBase", build: Callable[[Sequence[Any]], list[T]]) -> None:
        compiled: Any = clause.compile(dialect=DIALECT)
        arguments = {name for name, bind in compiled.binds.items() if bind.required}
        for name in arguments:
            _refuse_list(compiled.binds[name])
        # With the constants of `.in_([…])`, which SQLAlchemy writes into the text only at execution.
        expanded = compiled.construct_expanded_state(dict.fromkeys(arguments))
        self.sql = expanded.statement
        self.build = build
        self.tables = frozenset(_tables(clause))
        self.bind = self._binder(expanded.positiontup or [], expanded.parameters, arguments)

    async def fetch(self, source: Source, given: Mapping[str, Any]) -> list[Any]:
        """The rows, as asyncpg gives them."""
        read = TABLES_READ.get()
        if read is not None:
            read |= self.tables
        return await source.fetch(self.sql, self.bind(given))

    @staticmethod
    def _binder(
        names: Sequence[str], constants: Mapping[str, Any], arguments: Collection[str]
    ) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        scope = {f"k{n}": constants[name] for n, name in enumerate(names)}
        parts = [f"given[{name!r}]" if name in arguments else f"k{n}" for n, name in enumerate(names)]
        return eval(f"lambda given: ({''.join(part + ', ' for part in parts)})", scope)  # noqa: S307 - our own text


def _tables(clause: Any) -> Iterator[str]:
    """The tables that it names. What stands in a text is not known, and is told as a table that there is none of."""
    for part in visitors.iterate(clause):
        if isinstance(part, Table):
            yield part.name
        elif isinstance(part, TextClause):
            yield "(a text)"


def _refuse_list(argument: BindParameter[Any]) -> None:
    """An argument has one place in the text; `.in_(argument)` would need as many as the list has members."""
    if argument.expanding:
        message = f".in_({argument.key}): compare with a list that is an argument by `== func.any({argument.key})`"
        raise TypeError(message)


class Arguments:
    """The keyword arguments of a statement's function, as bind parameters.

    An argument that defaults to None is an optional filter: left out, the statement is compiled without it. Never
    `:x IS NULL OR …`, for which PostgreSQL would plan a scan of the whole table.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self.binds = {p.name: bindparam(p.name, type_=_sql_type(function, p.name, hints[p.name])) for p in parameters}
        self.optional = tuple(p.name for p in parameters if p.default is None)

    def absent(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """The optional filters that this call leaves out."""
        return tuple([name for name in self.optional if given.get(name) is None])

    def without(self, absent: tuple[str, ...]) -> dict[str, Any]:
        """What the function is called with: bind parameters, and None for a filter left out."""
        return {name: None if name in absent else bind for name, bind in self.binds.items()}


def _sql_type(function: Callable[..., Any], name: str, hint: Any) -> TypeEngine[Any]:
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] if NoneType in get_args(hint) else [hint]
    if len(kinds) != 1 or kinds[0] not in PARAMETERS:
        message = f"{getattr(function, '__name__', function)}({name}): no SQL type is known for {hint}"
        raise TypeError(message)
    return PARAMETERS[kinds[0]]
