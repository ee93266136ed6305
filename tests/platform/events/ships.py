"""What tests of delivery publish, and a subscriber that notes what it hears."""

import asyncio

from app.kit.event import Event
from app.platform.events.sequencer import sequence


class ShipSailed(Event, frozen=True):
    about = "ship"

    ship: str
    number: int = 0


class ShipSank(Event, frozen=True):
    about = "ship"

    ship: str


SAILED = "events.ship_sailed"
NOTE = "INSERT INTO platform_counter (name, key, shard, value) VALUES ($1, $2, 0, 1)"
NOTED = "SELECT key FROM platform_counter WHERE name = $1 ORDER BY created_at"


class Heard(list):
    """What a subscriber heard; `fails` says which events it fails at."""

    def __init__(self) -> None:
        self.fails = lambda _event: False

    async def __call__(self, _work, event, _envelope) -> None:
        if self.fails(event):
            raise ValueError(f"no ship {event.ship}")
        self.append(event)


async def moved(database) -> None:
    """All that is published is in the log: once the transactions of other tests on this server have ended."""
    async with asyncio.timeout(60):
        while await database.reader().fetch("SELECT FROM platform_outbox LIMIT 1", ()):
            await sequence(database)


def ships(heard: Heard) -> list[tuple[str, int]]:
    return [(event.ship, event.number) for event in heard]


async def make_due(database) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE platform_held SET due_at = now()", ()))


async def held(database) -> list[int]:
    rows = await database.reader().fetch("SELECT position FROM platform_held ORDER BY position", ())
    return [row[0] for row in rows]
