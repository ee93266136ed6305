"""The verbs of webhooks: to have an endpoint told, and to look after what it is told."""

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import UNSET, json

from app.domain.webhooks import messages
from app.domain.webhooks.delivering import SECRETS, waken
from app.domain.webhooks.forgetting import forget_deleted
from app.domain.webhooks.models import Endpoint, Secret
from app.domain.webhooks.queries import Exchanged, delivery_by_id, endpoint_by_id, endpoints_made_by
from app.domain.webhooks.replays import replay_range
from app.domain.webhooks.repositories import EndpointRepository, SecretRepository
from app.domain.webhooks.schemas import (
    AnswerOut,
    ChangeEndpoint,
    DeliveryDetailOut,
    DeliveryOut,
    EndpointOut,
    NewEndpoint,
    NewEndpointOut,
    NewReplay,
    NewSecretOut,
    RequestOut,
    WebhooksShare,
)
from app.kit.errors import Conflict, Invalid, found
from app.kit.identity import Viewer
from app.kit.signatures import signed, written
from app.platform.database.work import Service, Source, UnitOfWork, repository
from app.platform.observability.censor import HIDDEN
from app.platform.sealing import Sealing
from config.settings import Settings

SECRET = 32  # bytes
OVERLAP = timedelta(days=1)  # in which the secret before signs as well
TEST_EVENT = "webhooks.test"
BY_HAND, DELETED = "by hand", "deleted"


class EndpointService(Service):
    """What those do who manage webhooks."""

    endpoints = repository(EndpointRepository)
    secrets = repository(SecretRepository)

    def __init__(self, work: UnitOfWork, sealing: Sealing, settings: Settings) -> None:
        super().__init__(work)
        self._sealing = sealing
        self._is_plain_let_in = not settings.production

    async def create(self, viewer: Viewer, new: NewEndpoint) -> NewEndpointOut:
        """Have an endpoint told from now on. Raises Invalid, and Busy in production without keys."""
        self._check(new.url)
        key = uuid4()
        made = Endpoint(id=key, url=new.url, description=new.description, events=new.events, created_by=viewer.id)
        await self.endpoints.add(made)
        secret = await self._add_secret(key)
        return NewEndpointOut(await self._shown(key), secret)

    async def change(self, endpoint: UUID, changes: ChangeEndpoint) -> EndpointOut:
        """Tell it elsewhere, or of other events; what waits goes to the new address. Raises NotFound, Invalid."""
        known = found(await self.endpoints.for_change(endpoint), "endpoint")
        if changes.url is not UNSET:
            self._check(changes.url)
            known.url, known.rests_until, known.failures = changes.url, None, 0
            await waken(self.work, [endpoint])
        if changes.events is not UNSET:
            known.events = changes.events
        if changes.description is not UNSET:
            known.description = changes.description
        return await self._shown(endpoint)

    async def remove(self, endpoint: UUID) -> None:
        """Tell it nothing more; a job forgets what it was told, which may be a lot. Raises NotFound."""
        known = found(await self.endpoints.for_change(endpoint), "endpoint")
        known.deleted_at = datetime.now(UTC)
        known.disabled_at, known.disabled_reason = known.disabled_at or known.deleted_at, DELETED
        await self.secrets.remove(endpoint)
        await self.work.enqueue(forget_deleted())

    async def rotate(self, endpoint: UUID) -> NewSecretOut:
        """Sign with another secret, and for a day with the one before as well. Raises NotFound, Busy."""
        found(await self.endpoints.for_change(endpoint), "endpoint")
        until = datetime.now(UTC) + OVERLAP
        await self.secrets.retire(endpoint, until)
        return NewSecretOut(await self._add_secret(endpoint), until)

    async def enable(self, endpoint: UUID) -> EndpointOut:
        """Tell it again: what waited goes out now, with three days to be taken. Raises NotFound."""
        known = found(await self.endpoints.for_change(endpoint), "endpoint")
        if known.disabled_at is not None:
            known.disabled_at = known.disabled_reason = known.rests_until = None
            known.failures = 0
            await messages.afresh(self.work, endpoint)
            await waken(self.work, [endpoint])
        return await self._shown(endpoint)

    async def disable(self, endpoint: UUID) -> EndpointOut:
        """Tell it nothing until it is enabled again; what waits is kept. Raises NotFound."""
        known = found(await self.endpoints.for_change(endpoint), "endpoint")
        if known.disabled_at is None:
            known.disabled_at, known.disabled_reason = datetime.now(UTC), BY_HAND
        return await self._shown(endpoint)

    async def test(self, endpoint: UUID) -> DeliveryOut:
        """Send a message that tells of nothing. Raises NotFound, Conflict where it is disabled."""
        await self._require_enabled(endpoint)
        return await self._sent(endpoint, await messages.tested(self.work, endpoint, TEST_EVENT))

    async def repeat(self, delivery: UUID) -> DeliveryOut:
        """Send a message once more, under its own id. Raises NotFound, Conflict where its endpoint is disabled."""
        known = found(await delivery_by_id.one(self.work, delivery_id=delivery), "delivery").delivery
        await self._require_enabled(known.endpoint_id)
        made = found(await messages.repeated(self.work, delivery), "delivery")
        return await self._sent(known.endpoint_id, made)

    async def replay(self, endpoint: UUID, asked: NewReplay) -> UUID:
        """Leave it to a job to send what happened in a range of time once more; the job's id.

        Raises NotFound, Invalid, Conflict where the endpoint is disabled.
        """
        if asked.since >= asked.until:
            raise Invalid("until", "must be later than since", code="range")
        await self._require_enabled(endpoint)
        return await self.work.enqueue(replay_range(endpoint=endpoint, since=asked.since, until=asked.until))

    def _check(self, url: str) -> None:
        if not is_address(url, is_plain_let_in=self._is_plain_let_in):
            raise Invalid("url", "must be an https address without user, password and fragment", code="address")

    async def _add_secret(self, endpoint: UUID) -> str:
        key, secret = uuid4(), secrets.token_bytes(SECRET)  # it is bound to its row, which is not there yet
        seal = await self._sealing.seal()
        await self.secrets.add(Secret(id=key, endpoint_id=endpoint, secret=seal.close(secret, SECRETS.place(key))))
        return written(secret)

    async def _require_enabled(self, endpoint: UUID) -> None:
        if (await self._shown(endpoint)).disabled_at is not None:
            raise Conflict("endpoint", "is disabled: enable it first")

    async def _shown(self, endpoint: UUID) -> EndpointOut:
        return found(await endpoint_by_id.one(self.work, endpoint_id=endpoint), "endpoint")

    async def _sent(self, endpoint: UUID, delivery: UUID) -> DeliveryOut:
        await waken(self.work, [endpoint])
        return found(await delivery_by_id.one(self.work, delivery_id=delivery), "delivery").delivery


def is_address(url: str, *, is_plain_let_in: bool) -> bool:
    """Whether messages can go there; where it leads to is looked at when it is dialled."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_clean = url.isprintable() and " " not in url and "#" not in url and "@" not in parts.netloc
    return bool(host) and is_clean and parts.scheme in (("https", "http") if is_plain_let_in else ("https",))


async def delivery_of(source: Source, delivery: UUID) -> DeliveryDetailOut:
    """A message, with what was posted and answered. Raises NotFound."""
    row: Exchanged = found(await delivery_by_id.one(source, delivery_id=delivery), "delivery")
    shown, body = row.delivery, row.body.encode()
    at = shown.attempted_at or datetime.now(UTC)
    headers = {"content-type": "application/json", **signed([], str(shown.event_id), int(at.timestamp()), body)}
    request = RequestOut(row.url, headers | {"webhook-signature": HIDDEN}, row.body)
    answer = None
    if shown.status is not None:
        answer = AnswerOut(shown.status, json.decode(row.headers or "{}"), row.answer or "")
    return DeliveryDetailOut(shown, request, answer)


async def share_of(source: Source, user: UUID) -> WebhooksShare:
    """The endpoints that a user made; they are the installation's, and stay when the user goes."""
    return WebhooksShare(await endpoints_made_by.all(source, user=user))


def provide_endpoints(work: NamedDependency[UnitOfWork], state: State) -> EndpointService:
    """The verbs over a request's unit of work."""
    return EndpointService(work, state.resources.sealing, state.settings)
