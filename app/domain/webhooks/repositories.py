"""Everything that the managers of webhooks change: endpoints and their secrets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update

from app.domain.webhooks.models import Endpoint, Secret
from app.platform.database.model import Repository


class EndpointRepository(Repository[Endpoint]):
    """Endpoints."""

    model_type = Endpoint

    async def for_change(self, endpoint: UUID) -> Endpoint | None:
        """The endpoint, locked until the transaction ends."""
        known = select(Endpoint).where(Endpoint.id == endpoint, Endpoint.deleted_at.is_(None))
        return await self.session.scalar(known.with_for_update(key_share=True))


class SecretRepository(Repository[Secret]):
    """Secrets of endpoints."""

    model_type = Secret

    async def remove(self, endpoint: UUID) -> None:
        """Have nothing signed for it any more."""
        await self.session.execute(delete(Secret).where(Secret.endpoint_id == endpoint))

    async def retire(self, endpoint: UUID, until: datetime) -> None:
        """Let the present one sign until then, and none before it any more."""
        await self.session.execute(delete(Secret).where(Secret.endpoint_id == endpoint, Secret.expires_at.is_not(None)))
        await self.session.execute(update(Secret).where(Secret.endpoint_id == endpoint).values(expires_at=until))
