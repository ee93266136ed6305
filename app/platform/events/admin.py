"""What admins see of the event log, and what they do about events that a subscriber cannot handle."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from app.kit.errors import found
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork

# One that no module offers any more is shown as well: it hears nothing, and so keeps every later partition of the log.
SUBSCRIPTIONS = """
SELECT s.name, coalesce((SELECT position FROM platform_event_end), 0) - s.position AS behind,
    count(h.*) FILTER (WHERE NOT h.is_dead) AS held, count(h.*) FILTER (WHERE h.is_dead) AS dead
FROM platform_subscription s LEFT JOIN platform_held h ON h.subscriber = s.name
GROUP BY s.name, s.position ORDER BY s.name
"""
HELD = """
SELECT h.subscriber, h.position, e.name, h.subject, e.at, h.attempts, h.is_dead, h.error FROM platform_held h
JOIN platform_event e USING (position) WHERE h.attempts > 0 ORDER BY h.subscriber, h.position LIMIT $1
"""
UNTOLD = "SELECT count(*) FROM platform_outbox"
# By the key, in which the first is found at once: a scrape asks it, and the longer the outbox the more it matters.
OLDEST = "SELECT extract(epoch FROM clock_timestamp() - at)::float8 FROM platform_outbox ORDER BY id LIMIT 1"
RETRY = """
UPDATE platform_held SET is_dead = false, attempts = 0, due_at = now()
WHERE subscriber = $1 AND ($2::bigint IS NULL OR position = $2) AND attempts > 0 RETURNING position
"""
SKIP = "DELETE FROM platform_held WHERE subscriber = $1 AND position = $2 RETURNING position"
UNSUBSCRIBE = """
WITH held AS (DELETE FROM platform_held WHERE subscriber = $1 RETURNING subscriber),
subscribed AS (DELETE FROM platform_subscription WHERE name = $1 RETURNING name)
SELECT name FROM subscribed UNION SELECT subscriber FROM held
"""


class Subscription(msgspec.Struct):
    """A subscriber: how many events it is behind, how many it holds and how many of these are given up."""

    name: str
    behind: int
    held: int
    dead: int


class Held(msgspec.Struct):
    """An event that a subscriber failed at."""

    subscriber: str
    position: int
    name: str
    subject: str
    at: datetime
    attempts: int
    is_dead: bool
    error: str | None


async def subscriptions(database: Database) -> list[Subscription]:
    """All of them, by name."""
    return [Subscription(*row) for row in await database.reader().fetch(SUBSCRIPTIONS, ())]


async def held(database: Database, limit: int = 100) -> list[Held]:
    """What failed, and not what merely waits behind it."""
    return [Held(*row) for row in await database.reader().fetch(HELD, (limit,))]


async def waiting(database: Database) -> float:
    """For how many seconds the first of the events that are not in the log yet is there; 0 without one."""
    rows = await database.reader().fetch(OLDEST, ())
    return rows[0][0] if rows else 0.0


async def outbox(database: Database) -> int:
    """How many events are not in the log yet; all of them are looked at."""
    return (await database.reader().fetch(UNTOLD, ()))[0][0]


async def retry(work: UnitOfWork, subscriber: str, position: int | None = None) -> int:
    """Have one event, or all that the subscriber failed at, tried again now; how many. Raises NotFound for none."""
    return len(found(await work.fetch(RETRY, (subscriber, position)) or None, "event"))


async def skip(work: UnitOfWork, subscriber: str, position: int) -> None:
    """Do without this event: what waits behind it goes on. Raises NotFound."""
    found(await work.fetch(SKIP, (subscriber, position)) or None, "event")


async def unsubscribe(work: UnitOfWork, subscriber: str) -> None:
    """Forget where it is and what it holds: it keeps no partition any more. Raises NotFound."""
    found(await work.fetch(UNSUBSCRIBE, (subscriber,)) or None, "subscription")


async def orphans(database: Database, offered: Collection[str]) -> list[str]:
    """The names of the subscriptions that are none of those that modules offer."""
    return [one.name for one in await subscriptions(database) if one.name not in offered]
