"""The doors of providers, for those who manage them and those who sign in by them, and of one's identities."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domain.accounts.openid import OWN_PATH, LastWayIn, Link, pending_cookie
from app.domain.accounts.openid_providers import ProviderService
from app.domain.accounts.openid_queries import identities_of, managed_provider, providers
from app.domain.accounts.openid_schemas import (
    AuthorizationOut,
    ChangeProvider,
    IdentityList,
    ManagedProvider,
    NewProvider,
    ProviderList,
)
from app.domain.accounts.openid_services import Begun, IdentityService
from app.domain.accounts.policies import MANAGE_PROVIDERS
from app.kit.errors import Conflict, NotFound, TooMany, found
from app.kit.identity import Viewer
from app.kit.schema import END
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, patch, post
from app.platform.http.answers import UpstreamFailed
from app.platform.security import OF_ALL, PUBLIC, SIGNED_IN, UNLIMITED

Back = Annotated[
    str | None,
    QueryParameter(
        max_length=1_000, pattern=f"^{OWN_PATH.pattern}{END}", description="Where to go afterwards: a path of this site"
    ),
]


class ProviderController(Controller):
    """Providers of identities (OpenID Connect)."""

    path = "/providers"

    @get(permission=PUBLIC)
    async def list_providers(self, reader: NamedDependency[Reader]) -> ProviderList:
        """List by whom one can sign in."""
        return ProviderList(await providers.all(reader))

    @post(permission=MANAGE_PROVIDERS, refuses=(Conflict,))
    async def add_provider(
        self, data: JSONBody[NewProvider], trust: NamedDependency[ProviderService]
    ) -> Response[ManagedProvider]:
        """Trust a provider.

        It has to know `/account/openid/{name}/callback` of this site as a redirect URI.
        """
        made = await trust.add(data)
        return Response(made, headers={"Location": f"/api/v1/accounts/providers/{made.name}"})

    @get("/{provider:str}", permission=MANAGE_PROVIDERS)
    async def read_provider(self, provider: FromPath[str], reader: NamedDependency[Reader]) -> ManagedProvider:
        """Read a provider.

        Its secret is never shown.
        """
        return found(await managed_provider.one(reader, name=provider), "provider")

    @patch("/{provider:str}", permission=MANAGE_PROVIDERS)
    async def change_provider(
        self, provider: FromPath[str], data: JSONBody[ChangeProvider], trust: NamedDependency[ProviderService]
    ) -> ManagedProvider:
        """Change what a provider is asked with."""
        return await trust.change(provider, data)

    @delete("/{provider:str}", permission=MANAGE_PROVIDERS)
    async def remove_provider(self, provider: FromPath[str], trust: NamedDependency[ProviderService]) -> None:
        """Trust a provider no more.

        All identities by it are forgotten: who has no other way in is helped by a link that is mailed.
        """
        await trust.remove(provider)


class IdentityController(Controller):
    """As whom providers know one. To change that wants a recent proof of who one is."""

    @post(
        "/session/openid/{provider:str}",
        permission=PUBLIC,
        same_origin=True,
        status_code=200,
        refuses=(TooMany, UpstreamFailed),
    )
    async def begin_openid(
        self, provider: FromPath[str], identities: NamedDependency[IdentityService], state: State, back: Back = None
    ) -> Response[AuthorizationOut]:
        """Begin to sign a browser in by a provider.

        It goes to the address in the answer within ten minutes, and comes back with a session: to the path `back`, or
        to a page that says so. A plain link does the same: `GET /account/openid/{provider}`.
        """
        return _begun(await identities.begin(provider, back), state)

    @post(
        "/identities/{provider:str}",
        permission=UNLIMITED,
        proof=OF_ALL,
        same_origin=True,
        status_code=200,
        refuses=(TooMany, UpstreamFailed),
    )
    async def begin_link(
        self,
        provider: FromPath[str],
        viewer: NamedDependency[Viewer],
        identities: NamedDependency[IdentityService],
        state: State,
        back: Back = None,
    ) -> Response[AuthorizationOut]:
        """Begin to link an identity to one's account.

        The browser goes to the address in the answer within ten minutes; one has to be signed in still when it comes
        back. Wants a recent proof.
        """
        assert viewer.id is not None  # noqa: S101 - the permission says so
        return _begun(await identities.begin(provider, back, Link(viewer.id, viewer.credential)), state)

    @get("/identities", permission=SIGNED_IN)
    async def list_identities(self, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]) -> IdentityList:
        """List one's identities."""
        return IdentityList(await identities_of.all(reader, user=viewer.id))

    @delete("/identities/{identity_id:uuid}", permission=UNLIMITED, proof=OF_ALL, refuses=(LastWayIn, NotFound))
    async def unlink_identity(
        self, identity_id: FromPath[UUID], viewer: NamedDependency[Viewer], identities: NamedDependency[IdentityService]
    ) -> None:
        """Unlink an identity.

        Never the last way in. Wants a recent proof.
        """
        await identities.unlink(viewer, identity_id)


def _begun(begun: Begun, state: State) -> Response[AuthorizationOut]:
    """No cache may keep it: the address is good once, and in this browser alone."""
    headers = {"Cache-Control": "no-store", **pending_cookie(state.settings.http).given_out(begun.cookie)}
    return Response(AuthorizationOut(begun.address), headers=headers)


OPENID_CONTROLLERS = [ProviderController, IdentityController]
