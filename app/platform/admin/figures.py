"""Numbers and values as the site writes them, in the language of the page."""

import re
from contextvars import ContextVar
from datetime import datetime, tzinfo
from typing import Any

from adminsite.fields.temporal import format_date
from adminsite.i18n import format_number, listed
from adminsite.i18n import gettext as _
from adminsite.timezones import current_timezone

IN_FILE: ContextVar[bool] = ContextVar("numbers in a file", default=False)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")  # as PostgreSQL has it in JSON


def decimal(value: float, digits: int = 1) -> str:
    """`1,234.5`, or `1.234,5`."""
    whole, point, rest = f"{value:.{digits}f}".partition(".")
    return f"{format_number(int(whole))}{_('.') if point else ''}{rest}"


class Grouped(str):
    """How numbers are written where a field or a chart is asked for its `format`, which knows no language."""

    __slots__ = ()

    def format(self, *values: Any, **_named: object) -> str:
        """`1,234`, or `1.234`; in a file, which programs read, `1234`."""
        [value] = values
        is_whole = type(value) in {int, float} and float(value).is_integer()
        return format_number(int(value)) if is_whole and not IN_FILE.get() else str(value)


GROUPED = Grouped()


def timestamp(value: datetime, zone: tzinfo | None = None) -> str:
    """`Nov 22, 2026 04:10:05`, or `22.11.2026 04:10:05`: on the reader's clock, or on that of a zone."""
    there = value.astimezone(zone or current_timezone.get())
    return f"{format_date(there)} {there:%H:%M:%S}"


def written(value: Any, zone: tzinfo | None = None) -> str:
    """A value of a row, as JSON has it; nothing of none."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return timestamp(datetime.fromisoformat(value), zone)
    if isinstance(value, list):
        return listed(written(one, zone) for one in value)
    return "" if value is None else str(value)
