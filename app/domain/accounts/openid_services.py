"""The verbs of identities: to sign in by a provider, to link and to unlink one. No connection is held meanwhile."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope

from app.domain.accounts.attempts import Attempts
from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.importing import NO_PASSWORD
from app.domain.accounts.models import Identity, User
from app.domain.accounts.openid import (
    AddressTaken,
    AddressUnconfirmed,
    Declined,
    IdentityTaken,
    LastWayIn,
    Link,
    Pending,
    SignInLost,
    new_pending,
    opened,
    sealed,
)
from app.domain.accounts.openid_directory import Directory
from app.domain.accounts.openid_exchange import Exchange, Told
from app.domain.accounts.openid_names import candidates
from app.domain.accounts.openid_queries import Trusted, trusted
from app.domain.accounts.openid_repositories import IdentityRepository
from app.domain.accounts.repositories import TokenRepository, UserRepository, locked
from app.domain.accounts.rules import checked
from app.domain.accounts.schemas import SignedIn
from app.domain.accounts.services import AccountService, provide_accounts
from app.kit.errors import Busy, Invalid, NotFound, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader, Service, UnitOfWork, repository
from app.platform.foreign_hashes import is_hash
from app.platform.ratelimit import Throttle
from app.platform.sealing import Sealing

log = structlog.get_logger()

NOT_NOW = ("server_error", "temporarily_unavailable")  # RFC 6749, 4.1.2.1


class Begun(NamedTuple):
    """Where the browser goes, and the value of the cookie that it comes back with."""

    address: str
    cookie: str


class Returned(NamedTuple):
    """What a browser brings back from a provider."""

    state: str
    code: str
    issuer: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Returned":
        """From the query of the address that it comes to; what else stands in it is passed over."""
        return cls(query.get("state", ""), query.get("code", ""), query.get("iss"), query.get("error"))


class Ended(NamedTuple):
    """What came of it: a sign-in, a question for the second factor, or None where an identity was linked."""

    made: SignedIn | SecondFactorAsked | None
    back: str | None


class IdentityService(Service):
    """What people do by those who vouch for them elsewhere."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)
    identities = repository(IdentityRepository)
    can_mail = False

    def __init__(
        self, accounts: AccountService, reader: Reader, exchange: Exchange, sealing: Sealing, attempts: Attempts
    ) -> None:
        """Over the unit of work of these accounts."""
        super().__init__(accounts.work)
        self._accounts = accounts
        self._reader = reader
        self._exchange = exchange
        self._sealing = sealing
        self._attempts = attempts
        self._told: Told | None = None  # kept, for a unit of work may be run again, and a code is good once

    async def begin(self, name: str, back: str | None, link: Link | None = None) -> Begun:
        """Send a browser to the provider of this name; `link`: to link whom it knows to a user.

        Raises NotFound, TooMany, Busy, UpstreamFailed.
        """
        await self._attempts.provider()
        provider = found(await trusted.one(self._reader, name=name), "provider")
        pending = new_pending(provider.id, link, back)
        address = await self._exchange.address(provider, pending)
        return Begun(address, sealed(await self._sealing.seal(), pending))

    async def finish(self, name: str, returned: Returned, cookie: str | None) -> Ended:
        """Sign in, or link, whom the provider knows.

        Raises SignInLost, Declined, NotProven, AddressUnconfirmed, AddressTaken, IdentityTaken, TooMany, Busy and
        UpstreamFailed; Unauthenticated for a user who is not active, or was signed out while they linked.
        """
        if self._told is None:
            await self._attempts.provider()
        pending = opened(await self._sealing.seal(), cookie)
        provider = await trusted.one(self._reader, name=name)
        if provider is None or provider.id != pending.provider or not pending.matches(returned.state):
            raise SignInLost
        if self._told is None:
            self._told = await self._ask(provider, pending, returned)
        if pending.link is not None:
            await self._link(provider, self._told, pending.link)
            return Ended(None, pending.back)
        user = await self.identities.use(provider.id, self._told.subject, self._told.email)
        made = await (self._welcome(provider, self._told) if user is None else self._enter(user))
        return Ended(made, pending.back)

    async def _ask(self, provider: Trusted, pending: Pending, returned: Returned) -> Told:
        if not await self._exchange.is_from(provider, returned.issuer):
            log.warning("an answer was another provider's", provider=provider.name)
            raise SignInLost
        if returned.error is not None or not returned.code:
            log.info("a provider declined", provider=provider.name, not_now=returned.error in NOT_NOW)
            if returned.error in NOT_NOW:
                raise Busy("the provider cannot sign anybody in now", retry_after=30)
            raise Declined
        return await self._exchange.told(provider, pending, returned.code)

    async def _enter(self, user: UUID) -> SignedIn | SecondFactorAsked:
        return await self._accounts.admission.admit(user, as_session=True)

    async def _welcome(self, provider: Trusted, told: Told) -> SignedIn | SecondFactorAsked:
        """Make a user of somebody new. By an address alone nobody becomes somebody who is there already."""
        await self.identities.alone(provider.id, told.subject)
        if (user := await self.identities.use(provider.id, told.subject, told.email)) is not None:
            return await self._enter(user)
        email = _address(told)
        names = candidates(told.usernames)
        taken = await self.users.taken(names, [email])
        if any(address == email.lower() for _, address in taken):
            raise AddressTaken
        used = {name for name, _ in taken}
        free = next((name for name in names if name.lower() not in used), f"user-{secrets.token_hex(8)}")
        kept = {"username": free, "email": email, "password": NO_PASSWORD}
        made = await self._accounts.welcome(kept, verified_at=datetime.now(UTC), as_session=True)
        await self._keep(provider, told, made.user.id)
        return made

    async def _link(self, provider: Trusted, told: Told, link: Link) -> None:
        """Link it to the user who began to, by a token or a session that is still theirs, and tell them by mail."""
        user = await locked(self.users, self.tokens, Viewer(link.user, link.credential))
        await self.identities.alone(provider.id, told.subject)
        holder = await self.identities.use(provider.id, told.subject, told.email)
        if holder is None:
            await self._keep(provider, told, user.id)
            if self._accounts.post:
                await self._accounts.post.identity_linked(user.email, provider.label)
        elif holder != user.id:
            raise IdentityTaken

    async def _keep(self, provider: Trusted, told: Told, user: UUID) -> None:
        identity = Identity(provider_id=provider.id, subject=told.subject, user_id=user, email=told.email)
        identity.last_used_at = datetime.now(UTC)
        await self.identities.add(identity)

    async def unlink(self, viewer: Viewer, identity: UUID) -> None:
        """Sign in by it no more. Raises NotFound, for another user's too, and LastWayIn."""
        user = await locked(self.users, self.tokens, viewer)
        if not await self.identities.remove(user.id, identity):
            raise NotFound("identity")
        if not await self._has_way_in(user):
            raise LastWayIn

    async def _has_way_in(self, user: User) -> bool:
        """By a password, by a link that is mailed, by a passkey, or by another identity."""
        if is_hash(user.password) or (self.can_mail and user.email_verified_at is not None):
            return True
        return await self.identities.has_another_way(user.id)

    async def leave_session(self, viewer: Viewer) -> None:
        """End the session that was presented, where one was: its browser has another one now."""
        await self._accounts.leave_session(viewer)


def _address(told: Told) -> str:
    """The address that the provider vouches for, in the form in which it is kept. Raises AddressUnconfirmed."""
    try:
        return checked(email=told.email)["email"]
    except Invalid as error:
        raise AddressUnconfirmed from error


def provide_identities(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> IdentityService:
    """The verbs over a request's unit of work, with the application's one directory, made at its first use."""
    if "directory" not in state:
        state.directory = Directory(state.resources.outbound)
    accounts, settings, sealing = provide_accounts(work, state, scope), state.settings, state.resources.sealing
    exchange = Exchange(state.directory, sealing, settings.http)
    attempts = Attempts(Throttle(state.database, scope), settings.security)
    made = IdentityService(accounts, state.database.reader(work.viewer), exchange, sealing, attempts)
    made.can_mail = state.resources.mailer.backend is not None
    return made
