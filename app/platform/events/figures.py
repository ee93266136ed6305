"""The event log's state for a scrape: asked of the database, which every worker would tell alike."""

from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.kit.errors import AppError
from app.platform.database.pools import Database
from app.platform.database.slots import UNREACHABLE
from app.platform.events import admin

log = structlog.get_logger()

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


async def figures_page(database: Database) -> bytes:
    """The lines of it; nothing while the database is away, for the other figures are wanted all the more then."""
    try:
        [(partitions,)] = await database.reader().fetch(PARTITIONS, ())
        waiting = await admin.waiting(database)
        figures = Figures(waiting, partitions, await admin.subscriptions(database))
    except (AppError, *UNREACHABLE) as error:
        log.warning("the event log's figures are missing", reason=str(error))
        return b""
    registry = CollectorRegistry()
    registry.register(figures)
    return generate_latest(registry)
