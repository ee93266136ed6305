"""By which a module says which events it wants to hear, and what it does then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from app.kit.event import Event, module_named
from app.platform.database.work import UnitOfWork
from app.platform.events.log import Envelope

Handler = Callable[[UnitOfWork, Any, Envelope], Awaitable[None]]


@dataclass(frozen=True)
class Subscriber:
    """A handler with its name, under which its position is kept, and the kinds of events it hears; none: every kind."""

    name: str
    handler: Handler
    kinds: tuple[type[Event], ...]

    @property
    def names(self) -> list[str] | None:
        """The wire names of what it hears; None for every kind."""
        return [kind.wire_name() for kind in self.kinds] or None

    async def hear(self, work: UnitOfWork, envelope: Envelope) -> None:
        """Handle one event. Raises what the handler raises, ValidationError where the payload has another form."""
        kind = next((kind for kind in self.kinds if kind.wire_name() == envelope.name), None)
        event = msgspec.json.decode(envelope.payload, type=kind) if kind else msgspec.json.decode(envelope.payload)
        await self.handler(work, event, envelope)


def subscriber(*kinds: type[Event]) -> Callable[[Handler], Subscriber]:
    """Mark a module's function as a subscriber to these events, or without any to every one.

    It gets a unit of work, the event (of every kind: as plain values) and its envelope. What it writes commits together
    with its step forward, so that it happens once; what it does elsewhere may happen again, with the same event id.
    An error is tried again later, and holds what follows about the same subject for this subscriber, and nothing else.
    """

    def mark(handler: Handler) -> Subscriber:
        name = getattr(handler, "__name__", "")
        return Subscriber(f"{module_named(handler.__module__)}.{name}", handler, kinds)

    return mark
