"""How many rows each choice of a filter has: counted up to a limit, at the same cost in a table of any size."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from adminsite.exceptions import InvalidPathError
from adminsite.filters import FilterOption, SQLFilter
from adminsite.filters.sql import SQLFilterContext, stored_value
from adminsite.permissions import Permission
from adminsite.query import CountMode, Page, QuerySpec
from adminsite.views._reader import Reader
from sqlalchemy import func, select
from starlette.requests import Request

from app.platform.admin.listing import MOST_COUNTED
from app.platform.admin.narrowing import WRONG

M = TypeVar("M")


class BoundedContext(SQLFilterContext):
    """What a filter asks the database with; of more than `MOST_COUNTED` rows nothing is told."""

    async def count_by(self, path: str) -> Mapping[str, int]:
        """The number of rows with each value, as the search leaves them; nothing for what is no column of theirs."""
        if not self.counts:
            return {}
        try:
            column = self._own_column(path)
        except InvalidPathError:
            return {}
        rows = self._rows().with_only_columns(column.label("value"))
        searched = self.repository.search_clause(self.spec)
        some = (rows if searched is None else rows.where(searched)).limit(MOST_COUNTED + 1).subquery()
        counted = await self.session.execute(select(some.c.value, func.count()).group_by(some.c.value))
        found = {stored_value(value): count for value, count in counted.all()}
        return found if sum(found.values()) <= MOST_COUNTED else {}


class BoundedReader(Reader[M]):
    """adminsite's, whose filters count on every list that is counted at all."""

    def counted(self, item: SQLFilter[Any]) -> bool:
        """Whether it is asked how many rows its choices have; beside those of a range there is no room for it."""
        if item.template != "choice":
            return False
        return self._view.count_mode is not CountMode.NONE if item.show_counts is None else item.show_counts

    async def fetch_page(self, session: Any, spec: QuerySpec, *, request: Request) -> Page:
        """A page of the list; an empty one, which asks nobody, where a filter is not right."""
        if not getattr(request.state, WRONG, ()):
            return await super().fetch_page(session, spec, request=request)
        await self._view._ensure(Permission.VIEW, request=request)
        return Page(total=0)

    async def filter_options(
        self, session: Any, spec: QuerySpec, *, request: Request, counts: bool = True
    ) -> list[tuple[SQLFilter[Any], Sequence[FilterOption]]]:
        """Each filter with what can be chosen, within what the viewer may see."""
        await self._view._ensure(Permission.VIEW, request=request)
        context = BoundedContext(session, self._repository, spec, self._view._scope_for(request))
        asked = [
            (item, replace(context, counts=counts and self.counted(item))) for item in self._pages.list_filters(request)
        ]
        return [(item, await item.options(within)) for item, within in asked]
