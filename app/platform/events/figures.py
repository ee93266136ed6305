"""The event log's state for a scrape: asked of the database, which every worker would tell alike."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.platform.database.pools import Database
from app.platform.events import admin

PARTITIONS = """
SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'platform_event'::regclass
AND relname > 'eventlog_' || to_char(now() AT TIME ZONE 'UTC', 'IYYY"w"IW') AND relname <> 'eventlog_rest'
"""


class Figures(Collector):
    """What was asked, as Prometheus wants it."""

    def __init__(self, waiting: float, partitions: int, subscriptions: list[admin.Subscription]) -> None:
        self._waiting = waiting
        self._partitions = partitions
        self._subscriptions = subscriptions

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        yield GaugeMetricFamily(
            "events_oldest_unsequenced_seconds", "Age of the oldest event not yet in the log", self._waiting
        )
        yield GaugeMetricFamily("events_partitions_ahead", "Weeks to come that have a partition", self._partitions)
        for name, text in (("behind", "to be heard"), ("held", "tried again later"), ("dead", "given up")):
            family = GaugeMetricFamily(f"events_{name}", f"Events {text}, by subscriber", labels=["subscriber"])
            for one in self._subscriptions:
                family.add_metric([one.name], getattr(one, name))
            yield family


async def event_figures(database: Database) -> Figures:
    """What the log says of itself. Raises what tells that the database cannot be reached."""
    [(partitions,)] = await database.reader().fetch(PARTITIONS, ())
    waiting = await admin.waiting(database)
    return Figures(waiting, partitions, await admin.subscriptions(database))
