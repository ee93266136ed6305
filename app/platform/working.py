"""What a worker process does: it delivers the events that others published, and does the jobs that they left."""

import asyncio
import signal
from contextlib import AsyncExitStack
from functools import partial

import structlog
import uvloop

from app.platform.database.changes import Changes
from app.platform.database.pools import Database
from app.platform.events.dispatcher import Dispatcher, telling
from app.platform.heartbeat import beating
from app.platform.jobs.clearing import OWN_JOBS
from app.platform.jobs.running import Crew
from app.platform.module import installed
from app.platform.observability.logging import configure_logging, flush_log
from app.platform.observability.loop import LoopWatch
from app.platform.resources import Resources
from config.modules import MODULES
from config.settings import Settings

log = structlog.get_logger()


def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then what is under way has `LITEHOUSE_DRAIN_TIMEOUT` seconds to be finished."""
    configure_logging(settings.logging.log_level)
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    database = Database(
        settings, on_oversized=partial(log.error, "the pools are too large"), write_slots=settings.worker_write_slots
    )
    notices = telling(database)
    changes = Changes(database)
    modules, resources = installed(MODULES), Resources(settings, changes)
    subscribers = [subscriber for module in modules for subscriber in module.subscribers]
    crew = Crew(database, notices, [*OWN_JOBS, *(job for module in modules for job in module.jobs)], resources)
    dispatcher = Dispatcher(database, notices, subscribers, settings.database.event_days)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(LoopWatch(settings.logging.loop_block_ms))
        if (port := settings.server.worker_metrics_port) is not None:
            from app.platform.worker_metrics import scraped  # noqa: PLC0415 - it brings a server, which most do without

            await stack.enter_async_context(scraped(settings, port))
        await stack.enter_async_context(database.lifespan())
        await stack.enter_async_context(changes.lifespan())
        await stack.enter_async_context(resources.lifespan())
        await stack.enter_async_context(notices.lifespan())
        await stack.enter_async_context(beating())
        await stack.enter_async_context(crew.lifespan(settings.server.drain_timeout, ended))
        await stack.enter_async_context(dispatcher.lifespan(settings.server.drain_timeout, ended))
        log.info("working", subscribers=[subscriber.name for subscriber in subscribers])
        await ended.wait()
        log.info("ending")
        crew.end(settings.server.drain_timeout)  # its time is that of the events', not added to it
    log.info("ended")
    flush_log()
