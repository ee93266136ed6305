"""What happens in webhooks that others may want to hear of."""

from uuid import UUID

from app.kit.event import Event


class EndpointDisabled(Event, frozen=True):
    """An endpoint is told nothing any more: it said that it is gone, or did not take a message for three days."""

    about = "endpoint_id"

    endpoint_id: UUID
    reason: str
