"""One subscriber's way through the log: its effect and its step forward commit together, or neither does."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from traceback import format_exception_only
from typing import Any

import asyncpg
import msgspec
import structlog

from app.kit.identity import Viewer
from app.platform.database.caller import ORIGIN
from app.platform.database.pools import Database
from app.platform.database.refusals import is_connection_lost
from app.platform.database.work import UnitOfWork
from app.platform.events.log import Envelope
from app.platform.events.subscribers import Subscriber
from app.platform.observability.censor import quoted
from app.platform.observability.identity import IDS, Ids

log = structlog.get_logger()

BATCH = 200
SECONDS = 30.0  # that a handler may take for one event
MOST_ATTEMPTS = 8
LONGEST_ERROR = 2_000  # characters
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 3600.0  # seconds between attempts: each pause is four times the one before
# What was passed over is written by itself when it is much, or after a while: old partitions wait for it.
LAGGING, LAGGING_SECONDS = 1_000, 60.0

# From where the log has ended already: what was before somebody subscribed is not for them.
SUBSCRIBE = """
INSERT INTO platform_subscription (name, position)
SELECT name, coalesce((SELECT position FROM platform_event_end), 0) FROM unnest($1::text[]) AS name
ON CONFLICT DO NOTHING
"""
WHERE_AM_I = """
SELECT s.position, coalesce((SELECT position FROM platform_event_end), 0) FROM platform_subscription s WHERE name = $1
"""
NEXT = """
SELECT position, id, name, subject, at, actor, request_id, correlation_id, payload::text FROM platform_event
WHERE position > $1 AND position <= $2 AND ($3::text[] IS NULL OR name = ANY($3)) ORDER BY position LIMIT $4
"""
# Whoever has the row locked delivers; the others find it locked, or the position beyond what they meant to deliver.
TURN = """
SELECT position, EXISTS (SELECT FROM platform_held WHERE subscriber = $1 AND subject = $2)
FROM platform_subscription WHERE name = $1 FOR UPDATE SKIP LOCKED
"""
# It waits: a connection on which a handler ran out of time has the row locked for a moment yet.
POSITION = "SELECT position FROM platform_subscription WHERE name = $1 FOR UPDATE"
STEP = "UPDATE platform_subscription SET position = $2 WHERE name = $1 AND position < $2"
HOLD = """
INSERT INTO platform_held (subscriber, position, subject, attempts, due_at, error)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), $6)
"""
# Of each subject the first alone: those behind it wait for it.
DUE = """
SELECT e.position, e.id, e.name, e.subject, e.at, e.actor, e.request_id, e.correlation_id, e.payload::text FROM (
    SELECT DISTINCT ON (subject) position, due_at, is_dead FROM platform_held WHERE subscriber = $1
    ORDER BY subject, position
) AS h JOIN platform_event e USING (position) WHERE h.due_at <= now() AND NOT h.is_dead ORDER BY position LIMIT $2
"""
TAKE_HELD = "SELECT FROM platform_held WHERE subscriber = $1 AND position = $2 AND NOT is_dead FOR UPDATE SKIP LOCKED"
RELEASE = "DELETE FROM platform_held WHERE subscriber = $1 AND position = $2"
FAILED_AGAIN = """
UPDATE platform_held SET attempts = attempts + 1, error = $3, is_dead = attempts + 1 >= $4,
    due_at = now() + make_interval(secs => least($5 * 4 ^ attempts, $6) * $7)
WHERE subscriber = $1 AND position = $2 AND NOT is_dead RETURNING is_dead
"""


class ElsewhereError(Exception):
    """Another process is at it."""


class Attempt:
    """One try at one event, which tells the handler's own errors from those on the way to it and back."""

    def __init__(self, work: UnitOfWork, subscriber: Subscriber, envelope: Envelope) -> None:
        self.work = work
        self.envelope = envelope
        self.is_handling = False
        self._subscriber = subscriber

    async def run(self, deliver: Callable[["Attempt"], Awaitable[None]]) -> None:
        """Do it and commit, within the time that a handler may take. Raises what went wrong."""

        async def anew() -> None:
            self.is_handling = False  # at a replay as well
            await deliver(self)

        async with asyncio.timeout(SECONDS):
            await self.work.run(anew)

    async def hear(self) -> None:
        """Hand it over: from here on an error is the handler's, at the commit too."""
        self.is_handling = True
        await self._subscriber.hear(self.work, self.envelope)


async def subscribe(database: Database, names: list[str]) -> None:
    """Note these subscribers down, each from the present end of the log on, where they are not yet."""
    work = database.unit_of_work()
    await work.run(lambda: work.fetch(SUBSCRIBE, (names,)))


class Delivery:
    """Delivers to one subscriber; many processes may try, one does."""

    def __init__(self, database: Database, subscriber: Subscriber, ending: asyncio.Event | None = None) -> None:
        """`ending`: once it is set, no further event is begun."""
        self._database = database
        self._ending = ending or asyncio.Event()
        self._subscriber = subscriber
        self._name = subscriber.name
        self._stepped_at = monotonic()

    async def advance(self) -> bool:
        """Deliver what is behind the subscriber's position, a batch at most; whether there may be more.

        Raises what says that the database cannot be reached: that is no fault of an event's.
        """
        reader = self._database.reader()
        rows = await reader.fetch(WHERE_AM_I, (self._name,))
        if not rows:
            await subscribe(self._database, [self._name])
            return True
        position, end = rows[0]
        events = [_envelope(row) for row in await reader.fetch(NEXT, (position, end, self._subscriber.names, BATCH))]
        for envelope in events:
            if self._ending.is_set() or not await self._attempted(envelope, self._deliver, self._hold):
                return False
        if len(events) == BATCH:
            return True
        await self._pass_over(end - (events[-1].position if events else position), end)
        return False

    async def _pass_over(self, count: int, end: int) -> None:
        if count >= LAGGING or (count and monotonic() - self._stepped_at >= LAGGING_SECONDS):
            await self._written(STEP, (self._name, end))
            self._stepped_at = monotonic()

    async def retry(self) -> bool:
        """Try again what is held and due; whether there may be more."""
        events = [_envelope(row) for row in await self._database.reader().fetch(DUE, (self._name, BATCH))]
        is_any = False
        for envelope in events:
            if not self._ending.is_set():
                is_any |= await self._attempted(envelope, self._deliver_held, self._hold_on)
        return is_any

    async def _attempted(
        self,
        envelope: Envelope,
        deliver: Callable[[Attempt], Awaitable[None]],
        failed: Callable[[Envelope, Exception], Awaitable[bool]],
    ) -> bool:
        """Whether it is this process's turn, to note a handler's error as well: that is no error here."""
        work = self._database.unit_of_work(Viewer(envelope.actor))
        attempt = Attempt(work, self._subscriber, envelope)
        # What the handler says, publishes and enqueues belongs to the request that has published this.
        request = envelope.request_id or str(envelope.id)
        before, origin = IDS.set(Ids(request, envelope.correlation_id or request)), ORIGIN.set(f"event:{self._name}")
        task = asyncio.current_task()
        asked = task.cancelling() if task else 0  # a group of tasks of a handler before may have left one standing
        try:
            await attempt.run(deliver)
        except ElsewhereError:
            return False
        except asyncio.CancelledError:
            # Let through, it would end this task without a word; but whoever ends the task itself means it.
            if not attempt.is_handling or (task and task.cancelling() > asked):
                raise
            return await failed(envelope, RuntimeError("the handler was cancelled from within"))
        except Exception as error:
            # An OSError is the handler's, where something else than the database cannot be reached.
            if not attempt.is_handling or is_connection_lost(error):
                raise
            return await failed(envelope, error)
        finally:
            IDS.reset(before)
            ORIGIN.reset(origin)
        return True

    async def _deliver(self, attempt: Attempt) -> None:
        envelope, work = attempt.envelope, attempt.work
        rows = await work.fetch(TURN, (self._name, envelope.subject))
        if not rows:
            raise ElsewhereError
        position, is_held = rows[0]
        if position >= envelope.position:
            return
        if is_held:
            await work.fetch(HOLD, (self._name, envelope.position, envelope.subject, 0, 0.0, None))
        else:
            await attempt.hear()
        await work.fetch(STEP, (self._name, envelope.position))

    async def _hold(self, envelope: Envelope, error: Exception) -> bool:
        """Keep it for later, and go on with what is about other subjects; whether that was this process's turn.

        Where it was not, another process is trying the event just now: what comes after it has to wait for that.
        """
        self._warn(envelope, error)
        work = self._database.unit_of_work()

        async def hold() -> bool:
            rows = await work.fetch(POSITION, (self._name,))
            if rows and rows[0][0] < envelope.position:
                pause = FIRST_PAUSE * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
                await work.fetch(HOLD, (self._name, envelope.position, envelope.subject, 1, pause, _told(error)))
                await work.fetch(STEP, (self._name, envelope.position))
            return bool(rows)

        try:
            return await work.run(hold)
        except asyncpg.LockNotAvailableError:
            return False

    async def _deliver_held(self, attempt: Attempt) -> None:
        which = (self._name, attempt.envelope.position)
        if not await attempt.work.fetch(TAKE_HELD, which):
            raise ElsewhereError
        await attempt.hear()
        await attempt.work.fetch(RELEASE, which)

    async def _hold_on(self, envelope: Envelope, error: Exception) -> bool:
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        given = (self._name, envelope.position, _told(error), MOST_ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE, jitter)
        rows = await self._written(FAILED_AGAIN, given)
        self._warn(envelope, error, is_dead=bool(rows and rows[0][0]))
        return True

    def _warn(self, envelope: Envelope, error: Exception, *, is_dead: bool = False) -> None:
        log.warning(
            "an event was not handled",
            subscriber=self._name,
            event_name=envelope.name,
            position=envelope.position,
            subject=envelope.subject,
            is_dead=is_dead,
            exc_info=error,
        )

    async def _written(self, sql: str, parameters: tuple[Any, ...]) -> list[asyncpg.Record]:
        work = self._database.unit_of_work()
        return await work.run(lambda: work.fetch(sql, parameters))


def _envelope(row: asyncpg.Record) -> Envelope:
    *known, payload = row
    return Envelope(*known, msgspec.Raw(payload.encode()))


def _told(error: Exception) -> str:
    """What can be stored of it, even where it cannot say itself."""
    return quoted("".join(format_exception_only(error)).strip(), LONGEST_ERROR)
