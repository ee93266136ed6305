"""adminsite's saver with another heart: every save and delete is a verb of the view, run in one unit of work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from adminsite.actions import Selection
from adminsite.database import SessionAdapter
from adminsite.i18n import gettext as _
from adminsite.permissions import Permission
from adminsite.views._forms import InlineRow
from adminsite.views._saver import Saver
from sqlalchemy import inspect, select, tuple_
from starlette.requests import Request

from app.kit.errors import NotFound, found
from app.platform.admin.inline import Rows, editable_inside
from app.platform.admin.reading import ReadSession
from app.platform.admin.refusals import refusals
from app.platform.admin.seen import INPUT, ChangedMeanwhile, Difference, as_text, check, is_as_shown, within
from app.platform.admin.staff import viewer_of
from app.platform.database.work import UnitOfWork
from app.platform.jobs.job_work import JobWork

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

T = TypeVar("T")

AT_ONCE = 100  # rows in a request; a job does more
CONFLICT = "litehouse_conflict"  # in a request's state: the ChangedMeanwhile that its form met


class VerbSaver(Saver[Any]):
    """Reads by the session that it is given, which cannot write; writes by units of work of its own."""

    _view: "ModelAdmin[Any]"

    async def save(
        self,
        session: SessionAdapter,
        values: Mapping[str, Any],
        *,
        record: Any = None,
        request: Request,
        inline_rows: Mapping[str, Sequence[InlineRow]] | None = None,
    ) -> Any:
        """Create or change a record, with its rows, by the view's verbs. Raises RefusedError; then nothing is saved."""
        wanted = Permission.CREATE if record is None else Permission.EDIT
        await self._view._ensure(wanted, request=request, record=record)
        given = await self._links.resolve(session, values, request)
        told = (await request.form()).get(INPUT)

        async def verb(work: JobWork) -> Any:
            saved = await self._written(work, record, given, told, request)
            await self._rows(work, session, saved, inline_rows or {}, request)
            return saved

        saved = await self._run(request, verb, given)
        if record is not None:
            await session.refresh(record)
        return record or saved

    async def written(self, work: JobWork, key: str, values: Mapping[str, Any], request: Request) -> None:
        """What an import does for each of its rows, inside one unit of work: create one, or change that of this key."""
        given = await self._links.resolve(ReadSession(work.session), values, request)
        if not key:
            await self._view.create(work, given)
            return
        record = await held(work, self._view.model, key)
        changed = {path: value for path, value in given.items() if self._view.differs(record, path, value)}
        if changed:
            await self._view.change(work, record, changed)

    async def _written(
        self, work: JobWork, record: Any, values: Mapping[str, Any], told: object, request: Request
    ) -> Any:
        if record is None:
            return await self._view.create(work, dict(values))
        held = await locked(work, record)
        besides = await self._view.besides(work.session, held)
        aside = self._view.columns_shown(request)
        check(held, self._view.editable_paths(request, record), besides, told, aside)

        def differs(path: str, value: Any) -> bool:
            if path in besides:
                return as_text(besides[path]) != as_text(value)
            return self._view.differs(record, path, value)

        changed = {path: value for path, value in values.items() if differs(path, value)}
        if changed:
            await self._view.change(work, held, changed)
        return held

    async def _rows(
        self,
        work: JobWork,
        session: SessionAdapter,
        parent: Any,
        inline_rows: Mapping[str, Sequence[InlineRow]],
        request: Request,
    ) -> None:
        told = (await request.form()).get(INPUT)
        for inline in self._view.inlines:
            if not isinstance(inline, Rows):
                continue
            view = self._view.inline_admins[inline.name]
            rows = [row for row in inline_rows.get(inline.name, ()) if _is_touched(view, inline, row, told)]
            keys = [row.key for row in rows if not row.is_new]
            held = await held_all(work, view.model, keys) if keys else ()
            children = {view._fields.identity_of(child): _own(parent, inline.name, child) for child in held}
            self._check(parent, inline, children, told, request)
            for row in rows:
                there = parent if row.is_new else found(children.get(row.key), "record")
                await self._row(work, session, inline, row, there, request)

    def _check(self, parent: Any, inline: Rows, children: Mapping[str, Any], told: object, request: Request) -> None:
        """Raises ChangedMeanwhile, with what is different of all the rows that the form's editor touched."""
        differences: list[Difference] = []
        for key, child in children.items():
            paths = editable_inside(self._view, inline, request, parent, child)
            try:
                check(child, paths, {}, told, inside=within(inline.name, key))
            except ChangedMeanwhile as conflict:
                differences += conflict.differences
        if differences:
            raise ChangedMeanwhile(differences)

    async def _row(
        self, work: JobWork, session: SessionAdapter, inline: Rows, row: InlineRow, there: Any, request: Request
    ) -> None:
        """`there`: the row, locked; of a new one, the record that it is to belong to."""
        view = self._view.inline_admins[inline.name]
        values = await self._links.row_values(session, inline, row, request)
        with refusals(request, values, inside=inline.input_name(row.index or 0, "")):
            if row.is_new and not row.delete:
                await view._ensure(Permission.CREATE, request=request)
                await view.create(work, {**values, inline.parent: there})
            elif not row.is_new:
                await _old_row(work, view, row, there, values, request)

    async def delete(self, session: SessionAdapter, record: Any, *, request: Request) -> None:  # noqa: ARG002
        """Remove a record by the view's verb. Raises RefusedError."""
        await self._view._ensure(Permission.DELETE, request=request, record=record)

        async def verb(work: JobWork) -> None:
            await self._view.remove(work, await locked(work, record))

        await self._run(request, verb)

    async def delete_selected(self, selection: Selection[Any]) -> str:
        """Remove the chosen records, all or none; more than a hundred are left to jobs. Raises RefusedError."""
        done = _("{thing} deleted.", thing=self._view.label_plural)
        return await self._view.each(selection, Permission.DELETE, "remove", {}, done)

    async def _run(
        self, request: Request, verb: Callable[[JobWork], Awaitable[T]], paths: Mapping[str, Any] | None = None
    ) -> T:
        work = self._view.site.unit_of_work(viewer_of(request))
        with refusals(request, paths or ()):
            try:
                return await work.run(lambda: verb(work))
            except ChangedMeanwhile as conflict:
                setattr(request.state, CONFLICT, conflict)
                raise


def _is_touched(view: "ModelAdmin[Any]", inline: Rows, row: InlineRow, told: object) -> bool:
    """What nothing was changed of is neither locked nor missed, and takes no change of others back."""
    if row.delete or row.is_new:
        return True
    return not is_as_shown(view.model, row.values, told, within(inline.name, row.key))


def _own(parent: Any, name: str, child: Any) -> Any:
    """The row. Raises NotFound for one of another record, which this one's form does not show."""
    for local, remote in inspect(type(parent)).relationships[name].local_remote_pairs:
        if getattr(parent, local.key) != getattr(child, remote.key):
            raise NotFound("record")
    return child


async def _old_row(
    work: JobWork, view: "ModelAdmin[Any]", row: InlineRow, child: Any, values: Mapping[str, Any], request: Request
) -> None:
    if row.delete:
        await view._ensure(Permission.DELETE, request=request, record=child)
        await view.remove(work, child)
    elif changed := {path: value for path, value in values.items() if view.differs(child, path, value)}:
        await view._ensure(Permission.EDIT, request=request, record=child)
        await view.change(work, child, changed)


async def locked(work: UnitOfWork, record: Any) -> Any:
    """The record's row in the unit of work: nobody else changes it before the commit. Raises NotFound."""
    return await held(work, type(record), ",".join(map(str, inspect(record).identity)))


async def held(work: UnitOfWork, model: type[Any], key: str) -> Any:
    """The row with this key, as addresses write it, locked. Raises NotFound."""
    return found(next(iter(await held_all(work, model, [key])), None), "record")


async def held_all(
    work: UnitOfWork, model: type[Any], keys: Sequence[str], scope: Callable[[Any], Any] = lambda rows: rows
) -> Sequence[Any]:
    """The rows with these keys, locked in the order of their keys: two who lock the same ones do not deadlock.

    `scope` narrows them to those that somebody may see.
    """
    columns = inspect(model).primary_key
    wanted = [tuple(typed(column, part) for column, part in zip(columns, key.split(","), strict=True)) for key in keys]
    rows = scope(select(model)).where(tuple_(*columns).in_(wanted)).order_by(None).order_by(*columns)
    return (await work.session.scalars(rows.with_for_update(of=model))).all()


def typed(column: Any, part: str) -> Any:
    """A part of a key as the column has it. Raises NotFound."""
    kind = column.type.python_type
    try:
        return part if kind is str else kind(part)
    except ValueError as error:
        raise NotFound("record") from error
