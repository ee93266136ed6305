"""Moments and spans of time as the site's templates show them, on the reader's clock."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from adminsite.fields.temporal import format_date
from adminsite.timezones import to_local_time
from markupsafe import Markup

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def moment(value: datetime | None) -> Markup:
    """`Nov 22, 2026 04:10:05`, or a dash."""
    if value is None:
        return Markup('<span class="text-muted">\u2013</span>')
    local = to_local_time(value)
    text = f"{format_date(local)} {local:%H:%M:%S}"
    return Markup('<time datetime="{0}" title="{0}" class="whitespace-nowrap tabular-nums">{1}</time>').format(
        value.isoformat(), text
    )


def span(seconds: float) -> str:
    """Seconds in the largest unit of which there are two at least: `90 s`, `5 min`, `3 h`, `2 d`."""
    for size, unit in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 or seconds == 0 else f"{seconds:.1f} s"


def course(counts: Mapping[datetime, int], step: timedelta, number: int) -> list[tuple[str, int]]:
    """The counts of the last `number` steps, those that have begun, 0 where there is none, by the reader's clock."""
    seconds = step.total_seconds()
    last = datetime.fromtimestamp(datetime.now(UTC).timestamp() // seconds * seconds, UTC)
    moments = [last - step * back for back in reversed(range(number))]
    return [(f"{to_local_time(one):%H:%M}", counts.get(one, 0)) for one in moments]
