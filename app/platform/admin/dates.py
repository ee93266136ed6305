"""A list by year, month and day: the steps above it, each with how many rows it holds where that is cheap to know."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from adminsite._http.listing import FilterPanel
from adminsite.filters import FilterOption, FilterValue, SQLFilter
from adminsite.filters.sql import SQLFilterContext
from adminsite.i18n import gettext as _
from adminsite.timezones import current_timezone, to_column_time, to_local_time
from sqlalchemy import ColumnElement, func, literal, select, text

WRITTEN = re.compile(r"(?P<year>[1-9]\d{3})(-(?P<month>\d\d)(-(?P<day>\d\d))?)?")
FORMATS = {"year": "YYYY", "month": "YYYY-MM", "day": "YYYY-MM-DD"}


class Period(NamedTuple):
    """A year, a month or a day, on the clock of whoever asks: its first day, and the day after its last."""

    unit: str
    start: date
    end: date

    @classmethod
    def parse(cls, written: str) -> "Period | None":
        """What `2026`, `2026-11` or `2026-11-05` stands for; None for what is no date."""
        found = WRITTEN.fullmatch(written)
        if found is None:
            return None
        year, month, day = found["year"], found["month"], found["day"]
        try:
            start = date(int(year), int(month or 1), int(day or 1))
            return cls(unit := "day" if day else "month" if month else "year", start, _after(start, unit))
        except (ValueError, OverflowError):
            return None

    @property
    def name(self) -> str:
        """As it is written in the language of the page: `2026-11`, or `11.2026`."""
        year, month, day = self.start.isoformat().split("-")
        if self.unit == "year":
            return year
        if self.unit == "month":
            return _("{year}-{month}", year=year, month=month)
        return _("{year}-{month}-{day}", year=year, month=month, day=day)

    @property
    def below(self) -> str | None:
        """The unit that it is divided into."""
        return {"year": "month", "month": "day"}.get(self.unit)

    def parts(self) -> list[str]:
        """The periods that it is divided into, as they are written."""
        found, start = [], self.start
        while self.below and start < self.end:
            found.append(start.isoformat()[: 7 if self.below == "month" else 10])
            start = _after(start, self.below)
        return found


def _after(start: date, unit: str) -> date:
    if unit == "day":
        return start + timedelta(days=1)
    months = start.year * 12 + start.month - 1 + (12 if unit == "year" else 1)
    return date(months // 12, months % 12 + 1, 1)


class DateHierarchy(SQLFilter[Any]):
    """Rows of a year, a month or a day, by `?<column>_in=2026-11`, which the column's index finds.

    Its options are the periods one step below: those that hold rows, counted by one statement; of a large table all
    that there may be, by the first and the last row.
    """

    template = "dates"

    def __init__(self, path: str, label: str, *, is_counted: bool) -> None:
        super().__init__(f"{path}_in", path=path, label=label)
        self._is_counted = is_counted

    def parse(self, raw: Sequence[str]) -> FilterValue | None:
        """What is no period narrows nothing."""
        value = super().parse(raw)
        return value if value and Period.parse(value.first) else None

    def condition(self, value: FilterValue, repository: Any) -> ColumnElement[bool] | None:
        """From the period's first moment up to the next one's."""
        period = Period.parse(value.first)
        if period is None:
            return None
        return repository.condition_at(self.path, lambda column, field: _within(column, field, period))

    def describe(self, value: FilterValue, options: Sequence[FilterOption] = ()) -> str:  # noqa: ARG002 - adminsite's
        """By its own name: what can be chosen is below it."""
        return _("{filter}: {chosen}", filter=self.label, chosen=named(value.first))

    async def options(self, context: Any) -> Sequence[FilterOption]:
        """The periods one step below the one that is chosen."""
        chosen = next((value for value in context.spec.filters if value.name == self.name), None)
        period = Period.parse(chosen.first) if chosen else None
        if period and not period.below:
            return ()
        if self._is_counted:
            return await self._counted(context, chosen, period)
        written = period.parts() if period else await self._years(context)
        return tuple(FilterOption(one, named(one)) for one in written)

    async def _counted(
        self, context: SQLFilterContext, chosen: FilterValue | None, period: Period | None
    ) -> Sequence[FilterOption]:
        unit = (period.below if period else None) or "year"
        column = getattr(context.repository.model, self.path)
        zoned = func.timezone(str(current_timezone.get()), column) if _has_zone(context, self.path) else column
        written = func.to_char(zoned, FORMATS[unit]).label("written")
        rows = context._rows().with_only_columns(written, func.count()).where(column.is_not(None))
        if chosen:
            rows = self.apply(rows, chosen, context.repository)
        condition = context.repository.search_clause(context.spec)
        rows = rows if condition is None else rows.where(condition)
        found = await context.session.execute(rows.group_by(text("written")).order_by(text("written")))
        return tuple(FilterOption(written, named(written), count) for written, count in found.all())

    async def _years(self, context: SQLFilterContext) -> list[str]:
        """From the first row's to the last one's: two looks into an index."""
        column = getattr(context.repository.model, self.path)
        rows = context._rows().where(column.is_not(None)).with_only_columns(column)
        first = rows.order_by(column).limit(1).scalar_subquery()
        last = rows.order_by(column.desc()).limit(1).scalar_subquery()
        low, high = (await context.session.execute(select(first, last))).one()
        return [] if low is None else [str(year) for year in range(_local(low).year, _local(high).year + 1)]


class Steps(NamedTuple):
    """What stands above a list: the periods that it is narrowed to, the widest first, and those one step below."""

    name: str
    label: str
    above: Sequence[str]
    below: Sequence[FilterOption]


def named(written: str) -> str:
    """A period, as it stands in addresses, in the language of the page."""
    period = Period.parse(written)
    return period.name if period else written


def steps_of(panel: FilterPanel) -> Steps:
    """The steps of a list that has such a filter."""
    chosen = panel.chosen[0] if panel.chosen else ""
    above = [chosen[:length] for length in (4, 7, 10) if length <= len(chosen)]
    return Steps(panel.filter.name, panel.filter.label, above, panel.options)


def _local(value: date | datetime) -> date | datetime:
    return to_local_time(value) if isinstance(value, datetime) else value


def _has_zone(context: SQLFilterContext, path: str) -> bool:
    return context.repository.schema.field_named(path).with_timezone


def _within(column: Any, field: Any, period: Period) -> ColumnElement[bool]:
    first, last = (literal(_bound(day, field), column.type) for day in (period.start, period.end))
    return (column >= first) & (column < last)


def _bound(day: date, field: Any) -> date | datetime:
    if field.python_type is date:
        return day
    moment = datetime(day.year, day.month, day.day, tzinfo=current_timezone.get())
    return to_column_time(moment, with_timezone=field.with_timezone)
