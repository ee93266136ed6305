"""All that leaves webhooks: endpoints, and what became of their messages."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, func

from app.domain.webhooks.models import Delivery, Endpoint
from app.domain.webhooks.schemas import DeliveryOut, EndpointOut, EndpointShare
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

endpoint = Shape(EndpointOut, Endpoint)
delivery = Shape(DeliveryOut, Delivery)


class Exchanged(Struct, frozen=True, gc=False):
    """A message with what was posted and answered, as it stands in its row; `url` is where it goes, or went."""

    delivery: DeliveryOut
    url: str
    body: str
    headers: str | None
    answer: str | None


@query(endpoint)
def endpoint_by_id(q: Select, *, endpoint_id: UUID) -> Select:
    """An endpoint."""
    return q.where(Endpoint.id == endpoint_id, Endpoint.deleted_at.is_(None))


@query(endpoint, page=by(Endpoint.id.desc()))
def newest_endpoints(q: Select) -> Select:
    """Endpoints, the newest first."""
    return q.where(Endpoint.deleted_at.is_(None))


@query(Shape(EndpointShare, Endpoint))
def endpoints_made_by(q: Select, *, user: UUID) -> Select:
    """Those that a user made, the newest first."""
    return q.where(Endpoint.created_by == user, Endpoint.deleted_at.is_(None)).order_by(Endpoint.id.desc())


@query(Shape(Exchanged, Delivery, delivery=delivery, url=func.coalesce(Delivery.url, Endpoint.url)))
def delivery_by_id(q: Select, *, delivery_id: UUID) -> Select:
    """A message, with all that is known of it."""
    q = q.join(Endpoint, Endpoint.id == Delivery.endpoint_id)
    return q.where(Delivery.id == delivery_id, Endpoint.deleted_at.is_(None))


@query(delivery, page=by(Delivery.id.desc()))
def deliveries_of(q: Select, *, endpoint_id: UUID, state: str | None = None, event: str | None = None) -> Select:
    """An endpoint's messages, the newest first: in a state, of an event."""
    q = q.where(Delivery.endpoint_id == endpoint_id)
    q = q if state is None else q.where(Delivery.state == state)
    return q if event is None else q.where(Delivery.event == event)
