"""The whole trail at the admin site: what was changed, of all records, by whom and how."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from adminsite._http.urls import Urls
from adminsite.permissions import Permission
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from app.domain.audit.permissions import READ_TRAIL
from app.domain.audit.schemas import ChangeOut, EntryOut, Operation
from app.domain.audit.services import Filters, Trail
from app.kit.errors import AppError, Invalid, Violation
from app.kit.pagination import After
from app.platform.admin.figures import written
from app.platform.admin.model_admin import ModelAdmin
from app.platform.admin.page import Page
from app.platform.admin.refusals import beside_fields
from app.platform.admin.times import moment_of
from app.platform.admin.tones import AMBER, BLUE, GREEN, ROSE
from app.platform.module import audited

SHOWN = 50
OPERATIONS: Sequence[str] = get_args(Operation)
TONES = {"insert": GREEN, "update": BLUE, "delete": ROSE, "truncate": AMBER}
HIDDEN = {"masked", "unreadable"}


class Asked(Struct):
    """Which entries, behind a cursor; `actor` is a user's name or id."""

    table: str | None = None
    key: str | None = None
    operation: str | None = None
    actor: str | None = None
    request: str | None = None
    since: str | None = None
    until: str | None = None
    after: str | None = None


class Line(Struct, frozen=True):
    """What became of a column."""

    label: str
    before: str
    after: str
    is_hidden: bool


class Shown(Struct, frozen=True):
    """An entry; `link`: to its record, where there is one and a page of it that the viewer may open."""

    entry: EntryOut
    who: str
    what: str
    link: str
    lines: list[Line]


class TrailPage(Page):
    """All that was recorded, the newest first."""

    title = "Trail"
    permission = READ_TRAIL
    template = "trail.html"

    async def get(self, request: Request) -> Response:
        """The page; a filter that cannot be is refused beside its input, and then nothing is listed."""
        asked, trail = self.asked(request, Asked), self._trail(request)
        views = await self._views(request)
        shown = {"page": self, "asked": asked, "views": views, "operations": OPERATIONS, "tone_of": TONES}
        called = {table: str(views[table].label_plural) if table in views else table for table in self._tables}
        shown["tables"] = sorted(called.items(), key=lambda one: one[::-1])
        try:
            filters = await self._filters(trail, asked)
            after = After(SHOWN, asked.after)
            if asked.key:
                entries = await trail.history(asked.table or "", asked.key, after)
            else:
                entries = await trail.entries(filters, after)
        except Invalid as error:
            wrong = beside_fields(error.violations, Asked.__struct_fields__)
            return await self.admin.render_template(self.template, request, shown | {"wrong": wrong}, 422)
        names = await trail.names(entries.items)
        items = [self._shown(one, names, views.get(one.table), request) for one in entries.items]
        return await self.admin.render_template(
            self.template, request, shown | {"items": items, "next": entries.next, "wrong": {}}
        )

    @property
    def _tables(self) -> Mapping[str, Any]:
        return audited(self.house.modules)

    def _trail(self, request: Request) -> Trail:
        return Trail(self.reader(request), self.house.resources.sealing, self._tables)

    async def _views(self, request: Request) -> dict[str, ModelAdmin[Any]]:
        """Those whose records the viewer may look at, by their tables."""
        views = [view for view in self.admin.views if isinstance(view, ModelAdmin)]
        return {
            one.table: one for one in reversed(views) if await one.allows(Permission.VIEW, request=request, record=None)
        }

    async def _filters(self, trail: Trail, asked: Asked) -> Filters:
        """Raises Invalid with all that cannot be asked for."""
        wrong, filters = (
            list(_violations(asked, self._tables)),
            Filters(asked.table, None, asked.request),
        )
        for name in ("since", "until", "actor"):
            text = getattr(asked, name)
            try:
                if text:
                    found = await trail.actor(text) if name == "actor" else moment_of(name, text)
                    filters = replace(filters, **{name: found})
            except AppError as error:
                wrong += error.violations
        if wrong:
            raise Invalid.of(wrong)
        return replace(filters, operation=asked.operation)

    def _shown(
        self, entry: EntryOut, names: Mapping[Any, str], view: ModelAdmin[Any] | None, request: Request
    ) -> Shown:
        lines = [
            Line(view.label_of(one.column) if view else one.column, *_written(one))
            for one in entry.changes
            if one.shown != "plain" or one.before != one.after
        ]
        who = names.get(entry.actor) or str(entry.actor) if entry.actor else ""
        is_there = view is not None and entry.operation in {"insert", "update"}
        link = Urls(request).detail(view, entry.key) if view and is_there else ""
        return Shown(entry, who, str(view.label) if view else entry.table, link, lines)


def _written(change: ChangeOut) -> tuple[str, str, bool]:
    return written(change.before), written(change.after), change.shown in HIDDEN


def _violations(asked: Asked, tables: Mapping[str, Any]) -> list[Violation]:
    wrong = []
    if asked.table and asked.table not in tables:
        wrong.append(Violation("/table", "unknown", "is not recorded"))
    if asked.key and not asked.table:
        wrong.append(Violation("/key", "needs_table", "can be looked for in one table alone: choose it too"))
    if asked.key and any((asked.operation, asked.actor, asked.request, asked.since, asked.until)):
        wrong.append(Violation("/key", "alone", "goes with the model alone: empty the other filters"))
    if asked.operation and asked.operation not in OPERATIONS:
        wrong.append(Violation("/operation", "unknown", f"must be one of {', '.join(OPERATIONS)}"))
    return wrong
