"""Everything that leaves accounts about providers and identities."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select

from app.domain.accounts.models import Identity, Provider
from app.domain.accounts.openid_schemas import IdentityOut, ManagedProvider, ProviderOut
from app.platform.statements.query import query
from app.platform.statements.shape import Shape


class Trusted(Struct, frozen=True, gc=False):
    """A provider, with its sealed secret; it never leaves the module."""

    id: UUID
    name: str
    label: str
    issuer: str
    client_id: str
    secret: bytes
    scopes: list[str]


MOST = 100  # of either: nobody has so many


@query(Shape(Trusted, Provider))
def trusted(q: Select, *, name: str) -> Select:
    """The provider of this name."""
    return q.where(Provider.name == name)


@query(Shape(ProviderOut, Provider))
def providers(q: Select) -> Select:
    """All of them, by name."""
    return q.order_by(Provider.name).limit(MOST)


@query(Shape(ManagedProvider, Provider))
def managed_provider(q: Select, *, name: str) -> Select:
    """The provider of this name, for those who manage it."""
    return q.where(Provider.name == name)


@query(Shape(IdentityOut, Identity, provider=Provider.name))
def identities_of(q: Select, *, user: UUID | None) -> Select:
    """A user's identities, the newest first."""
    return q.join(Identity.provider).where(Identity.user_id == user).order_by(Identity.id.desc()).limit(MOST)
