"""Webhooks at the admin site: who is told, what became of the messages, and sending them once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from adminsite.i18n import gettext as _
from adminsite.i18n import ngettext
from msgspec import Struct
from starlette.requests import Request

from app.domain.webhooks.permissions import MANAGE_WEBHOOKS
from app.domain.webhooks.queries import deliveries_of, endpoint_by_id
from app.domain.webhooks.schemas import NewReplay, State
from app.domain.webhooks.services import EndpointService, delivery_of, provide_endpoints
from app.kit.errors import found
from app.kit.pagination import After
from app.platform.admin.page import Concern, Page, deed
from app.platform.admin.times import moment_of
from app.platform.admin.tones import BLUE, GREEN, ROSE
from app.platform.database.work import Source, UnitOfWork

SHOWN = 50
MOST_COUNTED = 1_000  # messages of an endpoint in a state
STATES = ("pending", "delivered", "failed")
TONES = {"pending": BLUE, "delivered": GREEN, "failed": ROSE}
# There are few endpoints, and of each the messages that wait or failed are counted by the index of states, to a limit.
ENDPOINTS = """
SELECT p.id, p.url, p.description, array_to_string(p.events, ', '), p.disabled_at, p.disabled_reason, p.succeeded_at,
    waiting.count, failed.count
FROM webhooks_endpoint p
CROSS JOIN LATERAL (SELECT count(*) FROM (
    SELECT FROM webhooks_delivery WHERE state = 'pending' AND endpoint_id = p.id LIMIT $1) AS some_of_them) AS waiting
CROSS JOIN LATERAL (SELECT count(*) FROM (
    SELECT FROM webhooks_delivery WHERE state = 'failed' AND endpoint_id = p.id LIMIT $1) AS some_of_them) AS failed
WHERE p.deleted_at IS NULL ORDER BY p.id DESC LIMIT $2
"""
DISABLED = "SELECT count(*) FROM webhooks_endpoint WHERE disabled_at IS NOT NULL AND deleted_at IS NULL"


class Asked(Struct):
    """A message, or an endpoint and which of its messages; without either, all endpoints."""

    endpoint: UUID | None = None
    delivery: UUID | None = None
    state: State | None = None
    after: str | None = None


class Listed(Struct, frozen=True):
    """An endpoint, with how many messages wait for it and how many were given up."""

    id: UUID
    url: str
    description: str
    events: str
    disabled_at: datetime | None
    disabled_reason: str | None
    succeeded_at: datetime | None
    waiting: int
    failed: int


class WebhooksPage(Page):
    """Endpoints, and what became of their messages."""

    title = "Webhooks"
    permission = MANAGE_WEBHOOKS
    template = "webhooks.html"

    async def get_context(self, request: Request) -> dict[str, Any]:
        """A message, an endpoint with its messages, or all endpoints."""
        asked, reader = self.asked(request, Asked), self.reader(request)
        shared = {"asked": asked, "states": STATES, "tone_of": TONES, "most": MOST_COUNTED}
        if asked.delivery is not None:
            return {**shared, "detail": await delivery_of(reader, asked.delivery)}
        if asked.endpoint is None:
            return {**shared, "endpoints": await endpoints(reader)}
        endpoint = found(await endpoint_by_id.one(reader, endpoint_id=asked.endpoint), "endpoint")
        which = {"endpoint_id": asked.endpoint, "state": asked.state, "event": None}
        deliveries = await deliveries_of.after(reader, After(SHOWN, asked.after), **which)
        return {**shared, "endpoint": endpoint, "deliveries": deliveries}

    async def concerns(self, request: Request) -> Sequence[Concern]:
        """Endpoints that are told nothing; there are few, whatever happens."""
        disabled = (await self.reader(request).fetch(DISABLED, ()))[0][0]
        text = ngettext("{count} webhook is disabled", "{count} webhooks are disabled", disabled)
        return [Concern(text, "-/webhooks")] if disabled else ()

    @deed(MANAGE_WEBHOOKS)
    async def repeat(self, work: UnitOfWork, *, delivery: UUID) -> str:
        """Send a message once more."""
        await self._service(work).repeat(delivery)
        return _("The message is sent once more.")

    @deed(MANAGE_WEBHOOKS)
    async def replay(self, work: UnitOfWork, *, endpoint: UUID, since: str, until: str) -> str:
        """Send once more what happened in a range of time, on the clock of whoever asks."""
        job = await self._service(work).replay(
            endpoint, NewReplay(moment_of("since", since), moment_of("until", until))
        )
        return _("The job {job} sends it once more.", job=job)

    @deed(MANAGE_WEBHOOKS)
    async def test(self, work: UnitOfWork, *, endpoint: UUID) -> str:
        """Send a message that tells of nothing."""
        await self._service(work).test(endpoint)
        return _("A message that tells of nothing is sent.")

    @deed(MANAGE_WEBHOOKS)
    async def enable(self, work: UnitOfWork, *, endpoint: UUID) -> str:
        """Tell it again."""
        await self._service(work).enable(endpoint)
        return _("The endpoint is told again.")

    @deed(MANAGE_WEBHOOKS)
    async def disable(self, work: UnitOfWork, *, endpoint: UUID) -> str:
        """Tell it nothing until it is enabled again."""
        await self._service(work).disable(endpoint)
        return _("The endpoint is told nothing any more.")

    def _service(self, work: UnitOfWork) -> EndpointService:
        return provide_endpoints(work, self.house)


async def endpoints(source: Source) -> list[Listed]:
    """The newest of them."""
    return [Listed(*row) for row in await source.fetch(ENDPOINTS, (MOST_COUNTED, SHOWN))]
