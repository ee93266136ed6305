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
        locked = select(Endpoint).where(Endpoint.id == endpoint).with_for_update(key_share=True)
        return await self.session.scalar(locked)

    async def remove(self, endpoint: UUID) -> bool:
        """Remove it, and all its messages; whether there was one."""
        removed = delete(Endpoint).where(Endpoint.id == endpoint).returning(Endpoint.id)
        return await self.session.scalar(removed) is not None


class SecretRepository(Repository[Secret]):
    """Secrets of endpoints."""

    model_type = Secret

    async def retire(self, endpoint: UUID, until: datetime) -> None:
        """Let the present one sign until then, and none before it any more."""
        await self.session.execute(delete(Secret).where(Secret.endpoint_id == endpoint, Secret.expires_at.is_not(None)))
        await self.session.execute(update(Secret).where(Secret.endpoint_id == endpoint).values(expires_at=until))
