"""What lists read of tables, however large: pages by key, totals that stop counting, the last page like the first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from adminsite._orm.repository import ConditionBuilder, KeysetKey, Scope, Total
from adminsite.database import SessionAdapter
from adminsite.query import CountMode, Page, QuerySpec
from sqlalchemy import (
    ColumnElement,
    Executable,
    Index,
    PrimaryKeyConstraint,
    Select,
    UniqueConstraint,
    func,
    inspect,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from app.platform.admin.lean import LeanRepository

M = TypeVar("M")

MOST_COUNTED = 10_000  # rows; of more, the planner's estimate is told
LAST = "last"  # where a cursor to come before stands: the page at the end of the list


class BoundedRepository(LeanRepository[M]):
    """adminsite's reading of a model, without what takes longer the more rows there are."""

    async def count(self, session: SessionAdapter, spec: QuerySpec, scope: Scope | None = None) -> int:
        """How many rows match; nobody counts further than one more than `MOST_COUNTED`."""
        rows = self._keys(spec, scope).limit(MOST_COUNTED + 1)
        return int(await session.scalar(select(func.count()).select_from(rows.subquery())) or 0)

    async def total(self, session: SessionAdapter, spec: QuerySpec, scope: Scope | None = None) -> Total:
        """The number of matches, or, of more than `MOST_COUNTED`, what PostgreSQL's statistics make of it."""
        if spec.count is CountMode.NONE:
            return Total()
        if not self._narrows(spec, scope):
            guess = await self.estimate(session)
            if guess is not None and guess > MOST_COUNTED:
                return Total(guess, estimated=True)
        counted = await self.count(session, spec, scope)
        if counted <= MOST_COUNTED:
            return Total(counted)
        plan = await session.scalar(Explained(self._keys(spec, scope)))
        return Total(max(MOST_COUNTED, plan[0]["Plan"]["Plan Rows"]), estimated=True)

    def _keys(self, spec: QuerySpec, scope: Scope | None) -> Select[Any]:
        return self.narrow(self.base_statement(scope).with_only_columns(*self._primary_key_columns()), spec)

    def keyset_keys(self, spec: QuerySpec) -> tuple[KeysetKey, ...] | None:
        """As adminsite's, but rows with equal values follow the sort's own direction: then one index has the order."""
        keys = super().keyset_keys(spec)
        if keys is None:
            return None
        asked = {sort.path for sort in spec.sort}
        descending = bool(spec.sort) and spec.sort[-1].descending
        return tuple(key if key.name in asked else replace(key, descending=descending) for key in keys)

    async def _list_by_keyset(
        self, session: SessionAdapter, spec: QuerySpec, scope: Scope | None, keys: Sequence[KeysetKey]
    ) -> Page:
        if spec.before != LAST:
            return await super()._list_by_keyset(session, spec, scope, keys)
        turned = [replace(key, descending=not key.descending) for key in keys]
        page = await super()._list_by_keyset(session, spec.replace(after="", before=""), scope, turned)
        rows = list(reversed(page.rows))
        return replace(page, rows=rows, has_next=False, next_cursor="", previous_cursor=page.next_cursor)

    def _beyond(self, keys: Sequence[KeysetKey], cursor: Sequence[Any], backwards: bool) -> ColumnElement[bool]:
        """Rows past the cursor, by one comparison of rows, from which PostgreSQL knows where in an index to begin."""
        if len({key.descending for key in keys}) > 1:
            return super()._beyond(keys, cursor, backwards)
        row = tuple_(*(key.column for key in keys))
        other = tuple_(*(literal(value, key.column.type) for key, value in zip(keys, cursor, strict=True)))
        return row > other if keys[0].descending == backwards else row < other

    def condition_at(self, path: str, build: ConditionBuilder, action: str = "filtering") -> ColumnElement[bool] | None:
        """A condition on what a path names; on a link's key, on that which stands in the row itself."""
        resolved, field = self._resolve_field(path, action)
        if len(resolved.relations) == 1:
            own = self._held_here(resolved.relations[0].name, field.name)
            if own is not None:
                return build(own, field)
        return super().condition_at(path, build, action)

    def _held_here(self, relation: str, name: str) -> Any:
        mapper: Any = inspect(self.model)
        link = mapper.relationships[relation]
        if link.uselist or link.secondary is not None:
            return None
        pairs = {link.mapper.get_property_by_column(other).key: own for own, other in link.local_remote_pairs}
        return getattr(self.model, mapper.get_property_by_column(pairs[name]).key) if name in pairs else None


class Explained(Executable, ClauseElement):
    """A statement's plan, as JSON; it is planned and not run."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(Explained)
def _explain(element: Explained, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


def leading_columns(model: type[Any]) -> set[Any]:
    """The columns of a model by which some index is sorted first: a list may be ordered and narrowed by them."""
    table: Any = inspect(model).local_table
    sorted_by = [list(index.columns) for index in table.indexes if _is_sorted(index)]
    keys = [list(key.columns) for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
    return {columns[0] for columns in (*sorted_by, *keys) if columns}


def _is_sorted(index: Index) -> bool:
    options = index.dialect_options["postgresql"]
    return not options.get("using") and options.get("where") is None
