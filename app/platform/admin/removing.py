"""What a deletion takes along, and what stands in its way: asked when its dialog opens, and never counted to the end.

The database knows: by its foreign keys, of which the models tell. Rows behind those that go along are not looked at.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from adminsite._http.listing import read_list_request
from adminsite._http.requests import find_view, load_or_404
from adminsite.actions import Selection
from adminsite.exceptions import RefusedError
from adminsite.permissions import Permission
from sqlalchemy import ARRAY, ColumnElement, Table, all_, any_, func, inspect, literal, literal_column, or_, select
from starlette.requests import Request
from starlette.responses import Response

from app.platform.admin.belonging import fields_of
from app.platform.admin.narrowing import require_right_filters
from app.platform.admin.saving import typed
from app.platform.admin.staff import viewer_of

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

MOST = 100  # rows of a kind that are counted
GOES, HOLDS = "CASCADE", ("RESTRICT", "NO ACTION", None)


class Kind(NamedTuple):
    """Rows of a table that refer to what is to be deleted; they go along with it, or hold it."""

    table: Table
    goes: bool
    condition: ColumnElement[bool]


class Along(NamedTuple):
    """How many rows of a kind: one more than `MOST` are many. Without a label they are not the viewer's to see."""

    label: str
    count: int
    goes: bool


async def along_with_one(site: Any, request: Request) -> Response:
    """What the dialog says that asks whether a record is to be deleted."""
    view = cast("ModelAdmin[Any]", find_view(site, request))
    record = await load_or_404(site, view, request, paths=())
    await view._ensure(Permission.DELETE, request=request, record=record)
    return await _answer(site, request, view, [view._fields.identity_of(record)])


async def along_with_many(site: Any, request: Request) -> Response:
    """The same of the rows that were chosen in a list, or of all that it is narrowed to."""
    view = cast("ModelAdmin[Any]", find_view(site, request))
    await view._ensure(Permission.DELETE, request=request)
    require_right_filters(view, request)
    read, asked = read_list_request(request, view), request.query_params
    spec = view._reader.build_spec(request=request, search=read.search, filters=read.values, sort=read.sort)
    async with site.database.session() as session:
        keys, everything = tuple(asked.getlist("keys")), asked.get("everything") == "1"
        selection = Selection(view, session, spec, request, keys, everything)
        try:
            chosen = await view._chosen(selection)
        except RefusedError as refused:
            return await site.render_template("house/along.html", request, {"refused": str(refused)})
    return await _answer(site, request, view, chosen)


async def _answer(site: Any, request: Request, view: "ModelAdmin[Any]", keys: Sequence[str]) -> Response:
    found = [one for one in await _counted(site, request, view, keys) if one.count]
    sides = [
        (
            [one for one in found if one.goes == goes and one.label],
            any(one.goes == goes and not one.label for one in found),
        )
        for goes in (False, True)
    ]
    return await site.render_template(
        "house/along.html", request, {"holding": sides[0], "going": sides[1], "most": MOST}
    )


async def _counted(site: Any, request: Request, view: "ModelAdmin[Any]", keys: Sequence[str]) -> list[Along]:
    """By one statement for all kinds; of what a view narrows to what its viewer may see, the rest is left out."""
    kinds, counts, labels = _kinds(view.model, keys), [], []
    for kind in kinds:
        other = await _view_of(site, request, kind.table)
        rows = select(literal_column("1")).select_from(other.model if other else kind.table).where(kind.condition)
        rows = other._scope_for(request)(rows).order_by(None) if other else rows
        counts.append(select(func.count()).select_from(rows.limit(MOST + 1).subquery()).scalar_subquery())
        labels.append(str(other.label_plural) if other else _own_label(view, request, kind.table))
    if not counts:
        return []
    async with site.database.session() as session:
        row = (await session.execute(select(*counts))).one()
    return [Along(label, count, kind.goes) for label, count, kind in zip(labels, row, kinds, strict=True)]


def _kinds(model: type[Any], keys: Sequence[str]) -> list[Kind]:
    """By all foreign keys to the model's own, which is of one column; a table that has two of a kind stands once."""
    mapper: Any = inspect(model)
    own, [key, *more] = mapper.local_table, mapper.primary_key
    if more:
        return []
    chosen = literal([typed(key, one) for one in keys], ARRAY(key.type))
    found: dict[tuple[Table, bool], list[ColumnElement[bool]]] = {}
    for table in own.metadata.sorted_tables:
        for link in table.foreign_keys:
            if link.column is key and link.ondelete in {GOES, *HOLDS}:
                condition: ColumnElement[bool] = link.parent == any_(chosen)
                # Of the table itself, what is chosen too is deleted with it.
                others = condition & (key != all_(chosen)) if table is own else condition
                found.setdefault((table, link.ondelete == GOES), []).append(others)
    return [Kind(table, goes, or_(*conditions)) for (table, goes), conditions in found.items()]


async def _view_of(site: Any, request: Request, table: Table) -> "ModelAdmin[Any] | None":
    """The first view of the table's rows that the viewer may open."""
    for view in site.views:
        if view.table == table.name and await view.allows(Permission.VIEW, request=request, record=None):
            return view
    return None


def _own_label(view: "ModelAdmin[Any]", request: Request, table: Table) -> str:
    """What a field of the record's form is called; else the table's name, for superusers, from whom nothing is kept."""
    labels = {one.table: one.label for one in fields_of(view, request)}
    return labels.get(table.name, table.name if viewer_of(request).is_superuser else "")
