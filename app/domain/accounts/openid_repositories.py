"""Everything that changes the rows of providers and identities."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update

from app.domain.accounts.models import Identity, Passkey, Provider
from app.platform.database.model import Repository


class ProviderRepository(Repository[Provider]):
    """Providers."""

    model_type = Provider

    async def for_change(self, name: str) -> Provider | None:
        """The provider of this name, locked until the transaction ends."""
        return await self.session.scalar(select(Provider).where(Provider.name == name).with_for_update())

    async def remove(self, name: str) -> bool:
        """Remove it, and all identities by it; whether there was one."""
        removed = delete(Provider).where(Provider.name == name).returning(Provider.id)
        return await self.session.scalar(removed) is not None


class IdentityRepository(Repository[Identity]):
    """Identities."""

    model_type = Identity

    async def use(self, provider: UUID, subject: str, email: str | None) -> UUID | None:
        """Note that somebody has come as this subject; whose identity that is, if it is anybody's."""
        used = update(Identity).where(Identity.provider_id == provider, Identity.subject == subject)
        told = {"last_used_at": func.now()} | ({"email": email} if email else {})
        return await self.session.scalar(used.values(told).returning(Identity.user_id))

    async def alone(self, provider: UUID, subject: str) -> None:
        """Let nobody else come as this subject until the transaction ends: of two who are new one makes the user."""
        key = func.hashtextextended(f"{provider}:{subject}", 0)
        await self.session.execute(select(func.pg_advisory_xact_lock(key)))

    async def remove(self, user: UUID, identity: UUID) -> bool:
        """Whether the user had such a one."""
        removed = delete(Identity).where(Identity.user_id == user, Identity.id == identity).returning(Identity.id)
        return await self.session.scalar(removed) is not None

    async def remove_all(self, user: UUID) -> int:
        """Remove the user's; how many."""
        removed = delete(Identity).where(Identity.user_id == user).returning(Identity.id)
        return len((await self.session.scalars(removed)).all())

    async def has_another_way(self, user: UUID) -> bool:
        """Whether the user has an identity, or a passkey."""
        ways: Collection[type[Identity | Passkey]] = (Identity, Passkey)
        identity, passkey = (exists().where(one.user_id == user) for one in ways)
        return bool(await self.session.scalar(select(identity | passkey)))
