"""What runs in a worker process: the sequencer, a delivery for each subscriber, and the log's partitions."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog

from app.platform.database.pools import Database
from app.platform.events.delivery import Delivery
from app.platform.events.sequencer import BATCH, sequence
from app.platform.events.subscribers import Subscriber
from app.platform.jobs.queue import QUEUED
from app.platform.notices import Notices
from app.platform.rounds import rounds

log = structlog.get_logger()

OUTBOX, LOG = "platform_outbox", "platform_event"  # channels: there is something in it
LOOKS_EVERY = 1.0  # seconds: for notices that were lost, and for what is due again
PARTITIONS_EVERY = 3600.0  # seconds
WEEKS_AHEAD = 4
MAKE = "SELECT platform_make_event_partitions($1)"
DROP = "SELECT platform_drop_event_partitions(now() - make_interval(days => $1))"


def telling(database: Database) -> Notices:
    """Have others told after each commit that brought events, or jobs."""
    notices = Notices(database)
    database.on_published = partial(notices.tell, OUTBOX)
    database.on_enqueued = partial(notices.tell, QUEUED)
    return notices


class Dispatcher:
    """Moves events on while the process lives. `days`: how long the log keeps them at least."""

    def __init__(self, database: Database, notices: Notices, subscribers: Sequence[Subscriber], days: int) -> None:
        self._database = database
        self._notices = notices
        self._subscribers = subscribers
        self._days = days
        self._ending = asyncio.Event()
        self._bells: list[asyncio.Event] = []

    @asynccontextmanager
    async def lifespan(self, drain: float, ended: asyncio.Event | None = None) -> AsyncGenerator[None]:
        """Run it; at the end, what is being handled has so many seconds to be finished.

        `ended` is set when it has ended by itself, which no Exception of a handler's can bring about; leaving this
        raises the reason.
        """
        await self._prepare()
        running = asyncio.create_task(self._run(), name="dispatcher")
        if ended:
            running.add_done_callback(lambda _: ended.set())
        try:
            async with self._notices.listening():
                try:
                    yield
                finally:
                    self._end()  # before the listener is closed, which takes its time
        finally:
            await self._finished(running, drain)

    async def _prepare(self) -> None:
        """Before the first event is moved: one whose week has no partition goes to the rest, and stays there."""
        try:
            await self._make_partitions()
        except Exception as error:  # noqa: BLE001 - it is tried again beside the rest of the work
            log.warning("the event log's partitions were not made", reason=f"{type(error).__name__}: {error}")

    def _end(self) -> None:
        self._ending.set()
        for bell in self._bells:
            bell.set()

    @staticmethod
    async def _finished(running: asyncio.Task[None], drain: float) -> None:
        done, _ = await asyncio.wait([running], timeout=drain)
        running.cancel()
        await asyncio.wait([running])
        if done:
            running.result()
        else:
            log.warning("an event was left in the middle: it will be delivered again")

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:

            def run(name: str, do: Callable[[], Awaitable[bool]], channel: str | None, pause: float) -> None:
                bell = self._notices.bell(channel) if channel else asyncio.Event()
                self._bells.append(bell)
                warn = partial(log.warning, "events wait", part=name)
                group.create_task(rounds(do, bell, pause, self._ending, warn), name=name)

            run("partitions of the event log", self._keep_partitions, None, PARTITIONS_EVERY)
            run("sequencer", self._sequence, OUTBOX, LOOKS_EVERY)
            for one in self._subscribers:
                delivery = Delivery(self._database, one, self._ending)
                run(one.name, delivery.advance, LOG, LOOKS_EVERY)
                run(f"{one.name} again", delivery.retry, None, LOOKS_EVERY)

    async def _sequence(self) -> bool:
        moved = await sequence(self._database)
        if moved:
            self._notices.ring(LOG)
            self._notices.tell(LOG)
        return moved == BATCH

    async def _make_partitions(self) -> None:
        work = self._database.unit_of_work()
        await work.run(lambda: work.fetch(MAKE, (WEEKS_AHEAD,)))

    async def _keep_partitions(self) -> bool:
        await self._make_partitions()
        work = self._database.unit_of_work()
        dropped = await work.run(lambda: work.fetch(DROP, (self._days,)))
        if dropped:
            log.info("old events dropped", partitions=[row[0] for row in dropped])
        return False
