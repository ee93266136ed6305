"""Moments, spans and courses of time as the site shows them, on the reader's clock."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from adminsite.dashboard import Chart
from adminsite.timezones import to_local_time, to_utc_time
from markupsafe import Markup

from app.kit.errors import Invalid
from app.platform.admin.figures import GROUPED, decimal, timestamp

Counts = Callable[[], Awaitable[Mapping[datetime, int]]]
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def moment(value: datetime | None) -> Markup:
    """`Nov 22, 2026 04:10:05`, in German `22.11.2026 04:10:05`, or a dash."""
    if value is None:
        return Markup('<span class="text-muted">\u2013</span>')
    return Markup('<time datetime="{0}" title="{0}" class="whitespace-nowrap tabular-nums">{1}</time>').format(
        value.isoformat(), timestamp(value)
    )


def moment_of(field: str, text: str) -> datetime:
    """What was typed, on the clock that the pages show where it names no zone. Raises Invalid."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(field, "must be a date and a time") from error
    return value if value.tzinfo else to_utc_time(value).replace(tzinfo=UTC)


def span(seconds: float) -> str:
    """Seconds in the largest unit of which there are two at least: `90 s`, `5 min`, `3 h`, `2 d`."""
    for size, unit in UNITS:
        if seconds >= 2 * size:
            return f"{decimal(seconds / size, 0)} {unit}"
    return f"{decimal(seconds, 0 if seconds >= 10 or seconds == 0 else 1)} s"


class Course(Chart):
    """A chart of how many there were in each of the last steps, those that have begun, by the reader's clock."""

    def __init__(self, title: str, counts: Counts, step: timedelta, number: int) -> None:
        """`counts` answers with the steps in which there were any, each by its beginning in UTC."""
        super().__init__(title, self._rows, format=GROUPED)
        self._counts = counts
        self._step = step
        self._number = number

    async def _rows(self, _session: object) -> list[tuple[str, int]]:
        counts, seconds = await self._counts(), self._step.total_seconds()
        last = datetime.fromtimestamp(datetime.now(UTC).timestamp() // seconds * seconds, UTC)
        moments = [last - self._step * back for back in reversed(range(self._number))]
        return [(f"{to_local_time(one):%H:%M}", counts.get(one, 0)) for one in moments]

    def tick_label(self, value: float) -> str:
        """There is no half of one."""
        return super().tick_label(value) if float(value).is_integer() else ""
