"""Publishing in one transaction, and a subscriber with its delivery."""

import pytest

from app.kit.event import Event
from app.kit.identity import Viewer
from app.platform.events.delivery import Delivery, subscribe
from app.platform.events.subscribers import Handler, Subscriber
from tests.platform.events.ships import Heard, ShipSailed


@pytest.fixture
def publish(database):
    """Publish events in one transaction."""

    async def publish(*events: Event, viewer: Viewer | None = None) -> None:
        work = database.unit_of_work(viewer or Viewer())

        async def do() -> None:
            for event in events:
                work.publish(event)

        await work.run(do)

    return publish


@pytest.fixture
async def hear(database):
    """A subscriber that notes what it hears, and its delivery."""

    async def hear(name: str, *kinds: type[Event]) -> tuple[Heard, Delivery]:
        heard = Heard()
        await subscribe(database, [name])
        return heard, Delivery(database, Subscriber(name, heard, kinds))

    return hear


@pytest.fixture
def deliver_to(database):
    """The delivery to a subscriber that is this function."""

    async def deliver_to(handler: Handler) -> Delivery:
        await subscribe(database, ["one"])
        return Delivery(database, Subscriber("one", handler, (ShipSailed,)))

    return deliver_to
