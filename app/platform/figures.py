"""What a scrape asks of the database, which every process would tell alike."""

from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from app.kit.errors import AppError
from app.platform.database.pools import Database
from app.platform.database.slots import UNREACHABLE

log = structlog.get_logger()


async def figures_page(database: Database, *asked: Callable[[Database], Awaitable[Collector]]) -> bytes:
    """The lines of it; none while the database is away, for the other figures are wanted all the more then."""
    registry = CollectorRegistry()
    try:
        for ask in asked:
            registry.register(await ask(database))
    except (AppError, *UNREACHABLE) as error:
        log.warning("the database's figures are missing", reason=str(error))
    return generate_latest(registry)
