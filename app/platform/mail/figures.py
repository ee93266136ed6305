"""The state of mail for a scrape: asked of the database, which every process would tell alike."""

from collections.abc import Iterator

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.platform.database.pools import Database
from app.platform.database.work import Source

LOOK = """
SELECT waiting, seconds, handed_over, failed FROM (
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS seconds
    FROM platform_mail WHERE handed_over_at IS NULL AND failed_at IS NULL AND recipient IS NOT NULL
) AS present, (
    SELECT count(handed_over_at) AS handed_over, count(failed_at) AS failed
    FROM platform_mail WHERE created_at > now() - interval '1 day'
) AS past
"""


class State(msgspec.Struct, frozen=True):
    """How many mails wait, and the first for how many seconds; what became of those written in the last day."""

    waiting: int
    seconds: float
    handed_over: int
    failed: int


class Figures(Collector):
    """What was asked, as Prometheus wants it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """All of it, also where there is no mail."""
        yield GaugeMetricFamily("mails_waiting", "Mails that are not handed over yet", self._state.waiting)
        yield GaugeMetricFamily("mails_oldest_waiting_seconds", "How long the first waits", self._state.seconds)
        day = GaugeMetricFamily(
            "mails_last_day", "Mails written in the last day, by what became of them", labels=["outcome"]
        )
        day.add_metric(["handed_over"], self._state.handed_over)
        day.add_metric(["failed"], self._state.failed)
        yield day


async def mail_state(source: Source) -> State:
    """How mail goes."""
    [row] = await source.fetch(LOOK, ())
    return State(*row)


async def mail_figures(database: Database) -> Figures:
    """How mail goes, for a scrape. Raises what tells that the database cannot be reached."""
    return Figures(await mail_state(database.reader()))
