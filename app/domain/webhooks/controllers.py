"""The doors of those who have other systems told."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domain.webhooks.permissions import MANAGE_WEBHOOKS
from app.domain.webhooks.queries import deliveries_of, endpoint_by_id, newest_endpoints
from app.domain.webhooks.schemas import (
    ChangeEndpoint,
    DeliveryDetailOut,
    DeliveryOut,
    EndpointOut,
    NewEndpoint,
    NewEndpointOut,
    NewReplay,
    NewSecretOut,
    ReplayOut,
    State,
)
from app.domain.webhooks.services import EndpointService, delivery_of
from app.kit.errors import Conflict, found
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, patch, post
from app.platform.page_parameters import Cursor, Limit

PATH = "/api/v1/webhooks"
JOBS = "/api/v1/jobs"

InState = Annotated[State | None, QueryParameter(name="state", description="Only those in this state")]
OfEvent = Annotated[str | None, QueryParameter(name="event", max_length=200, description="Only those of this event")]
Endpoints = NamedDependency[EndpointService]


class EndpointController(Controller):
    """Endpoints: other systems that are told of what happens."""

    path = "/endpoints"

    @get(permission=MANAGE_WEBHOOKS)
    async def list_endpoints(
        self, reader: NamedDependency[Reader], limit: Limit = 20, after: Cursor = None
    ) -> Slice[EndpointOut]:
        """List the endpoints, the newest first."""
        return await newest_endpoints.after(reader, After(limit, after))

    @post(permission=MANAGE_WEBHOOKS)
    async def create_endpoint(
        self, data: JSONBody[NewEndpoint], viewer: NamedDependency[Viewer], endpoints: Endpoints
    ) -> Response[NewEndpointOut]:
        """Have a system told of events from now on.

        They are posted as JSON, `{type, timestamp, data}`, with the headers of Standard Webhooks: each at least once,
        under one id. What is not answered with 2xx within 15 seconds is tried again for three days, ever more seldom;
        then the endpoint is disabled, and after 410 at once. The secret is shown in this answer alone.
        """
        made = await endpoints.create(viewer, data)
        return Response(made, headers={"Location": f"{PATH}/endpoints/{made.endpoint.id}", **NOT_KEPT})

    @get("/{endpoint_id:uuid}", permission=MANAGE_WEBHOOKS)
    async def read_endpoint(self, endpoint_id: FromPath[UUID], reader: NamedDependency[Reader]) -> EndpointOut:
        """Read an endpoint."""
        return found(await endpoint_by_id.one(reader, endpoint_id=endpoint_id), "endpoint")

    @patch("/{endpoint_id:uuid}", permission=MANAGE_WEBHOOKS)
    async def change_endpoint(
        self, endpoint_id: FromPath[UUID], data: JSONBody[ChangeEndpoint], endpoints: Endpoints
    ) -> EndpointOut:
        """Change an endpoint.

        What has not been delivered yet goes to the new address.
        """
        return await endpoints.change(endpoint_id, data)

    @delete("/{endpoint_id:uuid}", permission=MANAGE_WEBHOOKS)
    async def delete_endpoint(self, endpoint_id: FromPath[UUID], endpoints: Endpoints) -> None:
        """Remove an endpoint, and all that is known of its messages."""
        await endpoints.remove(endpoint_id)

    @post("/{endpoint_id:uuid}/secret", permission=MANAGE_WEBHOOKS)
    async def rotate_secret(self, endpoint_id: FromPath[UUID], endpoints: Endpoints) -> Response[NewSecretOut]:
        """Give an endpoint another secret.

        For a day messages carry a signature by each; a secret that was on its way out already ends at once.
        """
        return Response(await endpoints.rotate(endpoint_id), headers=NOT_KEPT)

    @post("/{endpoint_id:uuid}/enable", permission=MANAGE_WEBHOOKS, status_code=200)
    async def enable_endpoint(self, endpoint_id: FromPath[UUID], endpoints: Endpoints) -> EndpointOut:
        """Tell a disabled endpoint again.

        What it had not taken goes out now; what happened meanwhile can be replayed.
        """
        return await endpoints.enable(endpoint_id)

    @post("/{endpoint_id:uuid}/disable", permission=MANAGE_WEBHOOKS, status_code=200)
    async def disable_endpoint(self, endpoint_id: FromPath[UUID], endpoints: Endpoints) -> EndpointOut:
        """Tell an endpoint nothing until it is enabled again."""
        return await endpoints.disable(endpoint_id)

    @post("/{endpoint_id:uuid}/test", permission=MANAGE_WEBHOOKS, refuses=(Conflict,))
    async def test_endpoint(self, endpoint_id: FromPath[UUID], endpoints: Endpoints) -> Response[DeliveryOut]:
        """Send an endpoint a message, `webhooks.test`, that tells of nothing."""
        return _made(await endpoints.test(endpoint_id))

    @post("/{endpoint_id:uuid}/replays", permission=MANAGE_WEBHOOKS, status_code=202, refuses=(Conflict,))
    async def replay_range(
        self, endpoint_id: FromPath[UUID], data: JSONBody[NewReplay], endpoints: Endpoints
    ) -> Response[ReplayOut]:
        """Send once more what happened in a range of time.

        That is, those events that the endpoint hears of now and the log still has, under their own ids.
        """
        job = await endpoints.replay(endpoint_id, data)
        return Response(ReplayOut(job), status_code=202, headers={"Location": f"{JOBS}/{job}"})

    @get("/{endpoint_id:uuid}/deliveries", permission=MANAGE_WEBHOOKS)
    async def list_deliveries(
        self,
        endpoint_id: FromPath[UUID],
        reader: NamedDependency[Reader],
        in_state: InState = None,
        of_event: OfEvent = None,
        limit: Limit = 20,
        after: Cursor = None,
    ) -> Slice[DeliveryOut]:
        """List an endpoint's messages, the newest first."""
        found(await endpoint_by_id.one(reader, endpoint_id=endpoint_id), "endpoint")
        asked = {"endpoint_id": endpoint_id, "state": in_state, "event": of_event}
        return await deliveries_of.after(reader, After(limit, after), **asked)


class DeliveryController(Controller):
    """Messages to endpoints, and what became of them."""

    path = "/deliveries"

    @get("/{delivery_id:uuid}", permission=MANAGE_WEBHOOKS)
    async def read_delivery(self, delivery_id: FromPath[UUID], reader: NamedDependency[Reader]) -> DeliveryDetailOut:
        """Read a message, what was posted last and what was answered."""
        return await delivery_of(reader, delivery_id)

    @post("/{delivery_id:uuid}/replay", permission=MANAGE_WEBHOOKS, refuses=(Conflict,))
    async def replay_delivery(self, delivery_id: FromPath[UUID], endpoints: Endpoints) -> Response[DeliveryOut]:
        """Send a message once more, under its own id."""
        return _made(await endpoints.repeat(delivery_id))


NOT_KEPT = {"Cache-Control": "no-store"}


def _made(delivery: DeliveryOut) -> Response[DeliveryOut]:
    return Response(delivery, headers={"Location": f"{PATH}/deliveries/{delivery.id}"})
