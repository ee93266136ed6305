"""The verbs of providers: to trust one, to change what it is asked with, and to trust it no more."""

from urllib.parse import urlsplit
from uuid import uuid4

from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import UNSET

from app.domain.accounts.models import Provider
from app.domain.accounts.names import username_form
from app.domain.accounts.openid import PROVIDER_SECRETS
from app.domain.accounts.openid_queries import managed_provider
from app.domain.accounts.openid_repositories import IdentityRepository, ProviderRepository
from app.domain.accounts.openid_schemas import ChangeProvider, ManagedProvider, NewProvider
from app.domain.accounts.repositories import TokenRepository, UserRepository
from app.kit.errors import Invalid, NotFound, found
from app.platform.database.work import Service, UnitOfWork, repository
from app.platform.http.addresses import is_acceptable
from app.platform.sealing import Sealing
from config.settings import Settings


class ProviderService(Service):
    """What those do who say whose word about users counts."""

    providers = repository(ProviderRepository)
    identities = repository(IdentityRepository)
    users = repository(UserRepository)
    tokens = repository(TokenRepository)

    def __init__(self, work: UnitOfWork, sealing: Sealing, settings: Settings) -> None:
        super().__init__(work)
        self._sealing = sealing
        self._may_be_here = not settings.production

    async def add(self, new: NewProvider) -> ManagedProvider:
        """Trust one. Raises Invalid, and Busy in production without keys; the database refuses a name that is taken."""
        self._check_issuer(new.issuer)
        _check_scopes(new.scopes)
        seal, key = await self._sealing.seal(), uuid4()  # the secret is bound to its row, which is not there yet
        await self.providers.add(
            Provider(
                id=key,
                name=new.name,
                label=new.label.strip(),
                issuer=new.issuer,
                client_id=new.client_id,
                secret=seal.close(new.client_secret.encode(), PROVIDER_SECRETS.place(key)),
                scopes=new.scopes,
            )
        )
        return found(await managed_provider.one(self.work, name=new.name), "provider")

    async def change(self, name: str, changes: ChangeProvider) -> ManagedProvider:
        """Ask it otherwise from now on. Raises NotFound, Invalid, Busy."""
        seal = await self._sealing.seal()
        provider = found(await self.providers.for_change(name), "provider")
        if changes.label is not UNSET:
            provider.label = changes.label.strip()
        if changes.client_id is not UNSET:
            provider.client_id = changes.client_id
        if changes.scopes is not UNSET:
            _check_scopes(changes.scopes)
            provider.scopes = changes.scopes
        if changes.client_secret is not UNSET:
            provider.secret = seal.close(changes.client_secret.encode(), PROVIDER_SECRETS.place(provider.id))
        return found(await managed_provider.one(self.work, name=name), "provider")

    async def remove(self, name: str) -> None:
        """Trust it no more; nobody signs in by it again, and identities by it are forgotten. Raises NotFound."""
        if not await self.providers.remove(name):
            raise NotFound("provider")

    async def unlink_all(self, username: str) -> int:
        """Remove the identities of the user of this name, and sign them out everywhere; how many. Raises NotFound."""
        user = found(await self.users.for_change_by_name(username_form(username)), "user")
        removed = await self.identities.remove_all(user.id)
        await self.tokens.end_all(user.id)
        return removed

    def _check_issuer(self, issuer: str) -> None:
        if not is_acceptable(issuer, inwards=self._may_be_here) or urlsplit(issuer).query or "#" in issuer:
            raise Invalid("issuer", "must be an https address without query or fragment", code="address")


def _check_scopes(scopes: list[str]) -> None:
    if "openid" not in scopes:
        raise Invalid("scopes", "must have openid among them", code="openid")


def provide_providers(work: NamedDependency[UnitOfWork], state: State) -> ProviderService:
    """The verbs over a request's unit of work."""
    return ProviderService(work, state.resources.sealing, state.settings)
