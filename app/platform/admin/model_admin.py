"""How a module shows a model at the admin site: columns and forms by attributes, changes by its services' verbs."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from adminsite import ModelView
from adminsite._text import humanize
from adminsite.actions import Action, Selection
from adminsite.columns import ColumnReference, path_of
from adminsite.exceptions import RefusedError
from adminsite.fields import FieldRegistry
from adminsite.i18n import format_number
from adminsite.i18n import gettext as _
from adminsite.inspector import SQLAlchemyInspector
from adminsite.permissions import Permission as Asked
from adminsite.permissions import RequestAction, permission_name
from adminsite.query import CountMode, Pagination
from adminsite.views import Inline
from adminsite.views._forms import FormParser, FormResult, InlineRow
from msgspec import Struct, convert, structs
from sqlalchemy import delete, inspect, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app.platform.admin import large
from app.platform.admin.access import Access
from app.platform.admin.belonging import check_belonging
from app.platform.admin.bulk import change_action, meant, ticked
from app.platform.admin.counting import BoundedReader
from app.platform.admin.dates import DateHierarchy
from app.platform.admin.filling import fill
from app.platform.admin.inline import Rows
from app.platform.admin.inputs import faults, unstorable
from app.platform.admin.lean import left_out_by, secrets_of
from app.platform.admin.listing import BoundedRepository
from app.platform.admin.refusals import ERRORS, refusals
from app.platform.admin.saving import AT_ONCE, VerbSaver, held, held_all
from app.platform.admin.seen import BESIDES, INPUT, TOLD
from app.platform.admin.site import Site
from app.platform.admin.staff import asked_by, viewer_of
from app.platform.admin.starting import begin_with_defaults
from app.platform.admin.unseen import keep_unseen
from app.platform.jobs.job_work import JobWork

M = TypeVar("M")

LONGEST_COUNT = 6  # digits
MOST_CHOSEN = 10_000  # rows of one action; a job holds their keys


class ModelAdmin(ModelView[M], Generic[M]):
    """adminsite's view of a model, whose changes are verbs.

    `create`, `change` and `remove` are what the site does to rows; a model that has a service overrides them by calls
    of its verbs, so that rules, events and side effects are those of the API. A model without one is changed as it
    stands, in the same unit of work.
    """

    access: ClassVar[Access] = Access()
    schema: ClassVar[type[Struct] | None] = None  # what the verbs take: forms are held to it, every fault at once
    large: ClassVar[bool] = False  # of hundreds of thousands of rows: pages by key, no counts, by indexes alone
    date_hierarchy: ClassVar[ColumnReference | None] = None  # a list by year, month and day of this column
    bulk_editable_fields: Sequence[ColumnReference] = ()  # what one may change of many rows at once
    # A form-only field, and the column of another table by which its rows name the record, the first one of their key.
    belonging: Sequence[tuple[str, Any]] = ()
    site: Site

    def __init__(self, inspector: SQLAlchemyInspector | None = None, registry: FieldRegistry | None = None) -> None:
        super().__init__(inspector, registry)
        # At each letter typed there, the palette asks all views: only such as say by which index they search.
        self.global_search = self.global_search and type(self).search_condition is not ModelView.search_condition
        self.bulk_fields = self._settings.paths("bulk_editable_fields", self.bulk_editable_fields, takes="fields")
        self._list_as_bounded()
        self._saver = VerbSaver(
            self, self._fields, self._pages, self._links, self._audit, self._repository, self._inspector
        )
        self._forms = RememberedForms(self, self._fields, self._pages)
        self.inline_admins = {
            rows.name: rows.of(inspector, registry) for rows in self.inlines if isinstance(rows, Rows)
        }
        for name, of in self.inline_admins.items():  # what may not be changed there may not be changed here
            self._inline_views[name].get_readonly_fields = of.get_readonly_fields
        for view in (self, *self._inline_views.values()):
            keep_unseen(view)
        check_belonging(self)
        begin_with_defaults(self)

    def _list_as_bounded(self) -> None:
        for item in self._settings.list_filters:  # is called what its column is, unless it has a name of its own
            is_named = item.label != humanize(item.path) or item.path not in self._settings.candidates
            if not is_named and (label := self._fields.label_for(item.path)) != item.label:
                item.label = label
        if (dated := type(self).date_hierarchy) is not None:
            path = path_of(dated, self.model)
            dates = DateHierarchy(path, self._fields.label_for(path), is_counted=not self.large)
            self._settings.list_filters += (dates,)
        if self.large:
            large.check(self)
            self.pagination, self.count_mode = Pagination.KEYSET, CountMode.ESTIMATED
        self._settings.deferred_fields = tuple({*self._settings.deferred_fields, *secrets_of(self.model)})
        bounded = BoundedRepository(self.model, self._inspector, self._settings.list_filters)
        bounded.left_out, bounded.whole = left_out_by(self), frozenset(self._inline_views)
        self._repository = self._fields._repository = bounded
        self._reader = BoundedReader(self, self._settings, self._fields, self._pages, bounded, self._schema)

    async def besides(self, session: AsyncSession, record: M | None) -> Mapping[str, Any]:  # noqa: ARG002
        """What is of the record and not in its row, such as its tags, by the names of the form-only fields.

        It is read for the form, and again in the unit of work that changes it.
        """
        return {}

    async def create(self, work: JobWork, values: dict[str, Any]) -> M:
        """Make a row of what the form says. Returns it, or an instance that knows its key alone."""
        record = self.model()
        await fill(work, record, values)
        work.session.add(record)
        await work.session.flush()
        return record

    async def change(self, work: JobWork, record: M, changes: dict[str, Any]) -> None:
        """Change a row, which is locked, by what is different in the form."""
        await fill(work, record, changes)

    async def remove(self, work: JobWork, record: M) -> None:
        """Delete a row, which is locked. What goes with it, or holds it, the database knows: no relation is asked."""
        state: Any = inspect(record)
        await work.session.execute(delete(self.model).where(tuple_(*state.mapper.primary_key).in_([state.identity])))

    async def form_only_values(self, session: Any, record: M | None, *, request: Request) -> Mapping[str, Any]:
        """`besides`, kept for the form to tell what it showed."""
        values = await self.besides(session.session, record)
        setattr(request.state, BESIDES, values)
        return values

    def get_inlines(self, request: Request, record: M | None) -> Sequence[Inline]:  # noqa: ARG002 - as adminsite asks
        """Those whose own lists the viewer may see."""
        viewer = viewer_of(request)
        return [
            rows
            for rows in self.inlines
            if rows.name not in self.inline_admins or self.inline_admins[rows.name].access.allows(viewer, Asked.VIEW)
        ]

    async def allows(self, action: Asked | str, *, request: Request, record: M | None) -> bool:  # noqa: ARG002
        """Whether the view offers it at all, and the viewer holds what it asks for."""
        name, viewer = permission_name(action), viewer_of(request)
        if name == Asked.HISTORY and not self.site.shows_history(viewer, self.table):
            return False
        return self._switched_on(name) and self.access.allows(viewer, name)

    @property
    def table(self) -> str:
        """The name of the model's table."""
        mapper: Any = inspect(self.model)
        return mapper.local_table.name

    def label_of(self, column: str) -> str:
        """What a column is called on its pages; its own name, where the model has it no more."""
        mapper: Any = inspect(self.model)
        return self._fields.label_for(column) if column in mapper.column_attrs else column

    def may_show(self, request: Request, column: str) -> bool:
        """Whether the viewer is shown the column's values."""
        return self._pages.can_access_path(request, column, RequestAction.DETAIL)

    def columns_shown(self, request: Request) -> list[str]:
        """The columns, and the links that stand in some, which the viewer is shown on the record's page."""
        mapper: Any = inspect(self.model)
        links = {link.key for link in mapper.relationships if not link.uselist}
        paths = [path for path in self._settings.candidates if path in mapper.column_attrs or path in links]
        return [path for path in paths if self.may_show(request, path) and not self._fields.secret(path)]

    def editable_paths(self, request: Request, record: M | None) -> list[str]:
        """What the form for this record lets its editor change."""
        locked = set(self._pages.readonly_paths(request, record))
        return [path for path in self._pages.form_fields(request, record) if path not in locked]

    def differs(self, record: M, path: str, value: Any) -> bool:
        """Whether a form's value is another than the record's; of what is no column, nobody knows."""
        state: Any = inspect(record)
        if path not in state.mapper.attrs or path in state.unloaded:
            return True
        return getattr(record, path) != value

    def get_actions(self, request: Request) -> Sequence[Action]:
        """Those of adminsite, and the change of many rows where some field may be changed so."""
        change = change_action(self, request) if self.can_edit else None
        return [*([change] if change else []), *super().get_actions(request)]

    async def _change_selected(self, selection: Selection[M], **inputs: Any) -> Any:
        """What the dialog of the change does."""
        return await self.each(selection, Asked.EDIT, "change", ticked(self, inputs), _("Changed."))

    async def each(
        self, selection: Selection[M], permission: str, verb: str, inputs: Mapping[str, Any], done: str
    ) -> Any:
        """Do the verb to each chosen row, all or none; more than a hundred are left to jobs. Raises RefusedError."""
        request = selection.request
        keys = await self._chosen(selection)
        if not keys:
            raise RefusedError(_("Choose rows first; those that you chose are no longer there."))
        if len(keys) > AT_ONCE:
            return await self.site.leave_to_job(request, self, verb, keys, inputs)
        work = self.site.unit_of_work(viewer_of(request))

        await self._ensure(permission, request=request)
        with refusals(request, inputs):
            count = await work.run(lambda: self.perform_all(work, verb, keys, inputs))
        return f"{_(done)} ({format_number(count)})"

    async def perform_all(self, work: JobWork, verb: str, keys: Sequence[str], inputs: Mapping[str, Any]) -> int:
        """Do it to the rows with these keys: `remove`, `change`, or a method marked as a verb. Returns how many."""
        method = getattr(type(self), verb)
        records = await held_all(work, self.model, keys, self._scope_for(asked_by(work.viewer)))
        given = await meant(work, self.model, inputs) if verb == "change" else {}
        for record in records:
            if verb == "change":
                changed = {path: value for path, value in given.items() if self.differs(record, path, value)}
                if changed:
                    await self.change(work, record, changed)
            else:
                await getattr(method, "verb", method)(self, work, record, **inputs)
        return len(records)

    def inputs_of(self, verb: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What a verb's form asked for, from the JSON that a job was given. Raises ValidationError."""
        if verb == "change":
            return dict(inputs)
        kind = getattr(getattr(type(self), verb), "inputs", None)
        return {} if kind is None else structs.asdict(convert(inputs, kind))

    def permission_of(self, verb: str) -> str:
        """What one must hold to do it."""
        marked = self._actions.marked.get(verb)
        if marked is None:
            return Asked.EDIT if verb == "change" else Asked.DELETE
        return permission_name(marked.permission)

    async def _chosen(self, selection: Selection[M]) -> Sequence[str]:
        rows = (await selection.session.execute(selection.statement().limit(MOST_CHOSEN + 1))).all()
        if len(rows) > MOST_CHOSEN:
            raise RefusedError(_("Choose at most {count} rows at a time.", count=format_number(MOST_CHOSEN)))
        return [",".join(map(str, row)) for row in rows]


class RememberedForms(FormParser[Any]):
    """Reads forms as adminsite does, and leaves with the request where a verb's refusals are shown beside fields."""

    _view: ModelAdmin[Any]

    def _parse_inline(
        self, inline: Inline, data: Any, errors: dict[str, str], request: Request, record: Any = None
    ) -> list[InlineRow]:
        """No more rows than a form has fields: how many there are is the client's word, and is counted up to."""
        name = f"{inline.name}-count"
        told = str(data.get(name) or 0)
        count = min(int(told) if told.isdecimal() and len(told) < LONGEST_COUNT else 0, len(data))
        given = {**data, name: str(count)}
        self._forget_gone(inline, given, count, request, record)
        return super()._parse_inline(inline, given, errors, request, record)

    def _forget_gone(self, inline: Inline, given: dict[str, Any], count: int, request: Request, record: Any) -> None:
        """A row that has gone meanwhile, and of which nothing was typed, is none."""
        child = self._view._inline_views[inline.name]
        there = {child._fields.identity_of(row) for row in getattr(record, inline.name, None) or ()}
        paths = child._pages.form_fields(request)
        for index in range(count):
            key = inline.input_name(index, "key")
            if given.get(key) not in there and not any(given.get(inline.input_name(index, path)) for path in paths):
                given.pop(key, None)

    def parse(
        self, data: Any, *, record: Any = None, request: Request, paths: Sequence[str] | None = None
    ) -> FormResult:
        """The form's values and what is wrong with them."""
        result = super().parse(data, record=record, request=request, paths=paths)
        schema = self._view.schema
        if schema is not None:
            for path, text in faults(schema, result.values).items():
                result.errors.setdefault(path, text)
        result.errors.update(unstorable(result.values))
        for inline in self._view.inlines:
            for row in result.inline_rows.get(inline.name, ()):
                wrong = unstorable(row.values)
                result.errors.update({inline.input_name(row.index or 0, path): wrong[path] for path in wrong})
        setattr(request.state, ERRORS, result.errors)
        setattr(request.state, TOLD, data.get(INPUT, ""))
        return result


__all__ = ["Access", "ModelAdmin", "Rows", "held"]
