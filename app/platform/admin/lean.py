"""What is read of rows: of those that are only named, nothing that is large or secret.

A view says by `deferred_fields` what its list does without. So does whoever links to its rows, in a list, a form, a
picker or a lookup, and nobody reads a secret to name somebody.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from adminsite._http import forms, inline_tables
from adminsite._orm.repository import Scope, SQLAlchemyRepository
from adminsite._orm.values import to_column_value
from adminsite._text import template_names
from adminsite.audit._inputs import looks_secret
from adminsite.database import SessionAdapter
from adminsite.fields import RelationField
from adminsite.query import QuerySpec
from sqlalchemy import Select, inspect
from sqlalchemy.orm import defer, joinedload, selectinload

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

M = TypeVar("M")

LeftOut = Callable[[type[Any]], set[str]]  # of a model, the columns that its rows are named without


class LeanRepository(SQLAlchemyRepository[M]):
    """adminsite's reading of a model, which leaves behind what no page shows of what it links to."""

    left_out: LeftOut
    whole: frozenset[str] = frozenset()  # links whose rows a form shows

    def _load_options(self, spec: QuerySpec) -> Sequence[Any]:
        """Without any paths it is a picker that asks, which shows what the rows are called."""
        if not spec.paths:
            return self._without(self.model)
        return [*self._links(self.model, spec.paths), *(defer(getattr(self.model, path)) for path in spec.defer)]

    async def get(
        self, session: SessionAdapter, key: Any, paths: tuple[str, ...] = (), scope: Scope | None = None
    ) -> Any | None:
        """A record, all of it, with what the paths link to."""
        statement = self.base_statement(scope).where(self.key_clause(key)).options(*self._links(self.model, paths))
        return (await session.scalars(statement)).unique().first()

    async def having(
        self, session: SessionAdapter, name: str, values: Iterable[str], scope: Scope | None = None
    ) -> Sequence[Any]:
        """The records that a filter names; what cannot be the column's names none."""
        wanted = list(_typed(self.schema.field_named(name), values))
        statement = self.base_statement(scope).where(getattr(self.model, name).in_(wanted))
        found = await session.scalars(statement.options(*self._without(self.model))) if wanted else None
        return found.unique().all() if found else []

    async def related(
        self, session: SessionAdapter, record: Any, path: str, *, limit: int, scope: Scope | None = None
    ) -> tuple[Sequence[Any], int]:
        """The first records of a link to many, and how many there are."""
        mapper: Any = inspect(self.model)
        target = mapper.relationships[path].mapper.class_

        def lean(statement: Select[Any]) -> Select[Any]:
            return (scope(statement) if scope else statement).options(*self._without(target))

        return await super().related(session, record, path, limit=limit, scope=lean)

    def _links(self, model: type[Any], paths: Iterable[str]) -> list[Any]:
        """One row by the same statement, several by one more."""
        below: dict[str, set[str]] = {}
        for path in paths:
            name, _, rest = path.partition(".")
            if name in inspect(model).relationships:
                below.setdefault(name, set()).add(rest)
        return [self._link(model, name, rests) for name, rests in below.items()]

    def _link(self, model: type[Any], name: str, rests: set[str]) -> Any:
        link, attribute = inspect(model).relationships[name], getattr(model, name)
        target = link.mapper.class_
        is_whole = model is self.model and name in self.whole
        loaded = selectinload(attribute) if link.uselist else joinedload(attribute)
        return loaded.options(*([] if is_whole else self._without(target, rests)), *self._links(target, rests))

    def _without(self, model: type[Any], kept: Iterable[str] = ()) -> list[Any]:
        return [defer(getattr(model, name)) for name in sorted(self.left_out(model) - set(kept))]


def _typed(field: Any, values: Iterable[str]) -> Iterator[Any]:
    for value in values:
        try:
            yield to_column_value(field, value)
        except ValueError:
            continue


def secrets_of(model: type[Any]) -> set[str]:
    """The columns that hold secrets, by their names."""
    return {column.key for column in inspect(model).column_attrs if looks_secret(column.key)}


def left_out_by(view: "ModelAdmin[Any]") -> LeftOut:
    """What the view's site leaves out of a model, but what its rows are called by, in its own view or in a link."""
    known: dict[type[Any], set[str]] = {}

    def left_out(model: type[Any]) -> set[str]:
        if model not in known:
            views = list(view._views or ())
            own = [one for one in views if one.model is model]
            named = {name for one in own for name in template_names(one._settings.record_title)}
            named |= {name for one in views for name in _named_by_links(one, model)}
            deferred = {path for one in own for path in one._settings.deferred_fields}
            known[model] = (deferred | secrets_of(model)) - named
        return known[model]

    return left_out


def _named_by_links(view: Any, model: type[Any]) -> Iterator[str]:
    for one in (view, *view._inline_views.values()):
        for path in one._settings.placed:
            field = one._fields.field_for(path)
            if isinstance(field, RelationField) and field.related_model is model:
                yield from template_names(field.record_title or "")


def spare_pickers() -> None:
    """Have no form read what a link could point at where nobody may change it: adminsite reads a hundred rows."""
    forms._fill_relation = _filled  # ty: ignore[invalid-assignment] - it takes its place
    inline_tables._relation_options = _offered  # ty: ignore[invalid-assignment] - the same


_fill, _offer = forms._fill_relation, inline_tables._relation_options


async def _filled(admin: Any, session: Any, row: Any, item: Any, current: Any, request: Any) -> None:
    if not row.readonly:
        await _fill(admin, session, row, item, current, request)


async def _offered(admin: Any, session: Any, item: Any, request: Any, sent: Any) -> Any:
    if item.read_only:
        return inline_tables._RelationOptions([], searchable=False)
    return await _offer(admin, session, item, request, sent)
