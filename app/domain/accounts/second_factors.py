"""The verbs of second factors: to set one up, to take it away, and what is there for who loses it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope

from app.domain.accounts.attempts import Attempts
from app.domain.accounts.factor_repositories import PasskeyRepository, RecoveryCodeRepository, TotpRepository
from app.domain.accounts.factor_schemas import RecoveryCodes, TotpOffer
from app.domain.accounts.models import User
from app.domain.accounts.names import username_form
from app.domain.accounts.repositories import TokenRepository, UserRepository, locked
from app.domain.accounts.totp import SECRETS, new_recovery_codes, new_secret, recovery_digest, step_of, uri_of
from app.kit.errors import Conflict, Invalid, NotFound, found
from app.kit.identity import Viewer
from app.platform.database.work import Service, UnitOfWork, repository
from app.platform.ratelimit import Throttle
from app.platform.sealing import Seal, Sealing

WRONG = "is wrong, or was used before"


class SecondFactorService(Service):
    """What people do with their second factors."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)
    totps = repository(TotpRepository)
    codes = repository(RecoveryCodeRepository)
    passkeys = repository(PasskeyRepository)
    attempts: Attempts | None = None

    def __init__(self, work: UnitOfWork, sealing: Sealing, site: str) -> None:
        """`site`: the name under which an app shows the codes."""
        super().__init__(work)
        self._sealing = sealing
        self._site = site

    async def offer_totp(self, viewer: Viewer) -> TotpOffer:
        """A secret for codes, which a first code confirms. Raises Conflict where one is confirmed, and Busy."""
        seal = await self._sealing.seal()
        user = await self.owner(viewer)
        secret = new_secret()
        if not await self.totps.offer(user.id, seal.close(secret.encode(), SECRETS.place(user.id))):
            raise Conflict("totp", "is set up already; remove it first")
        return TotpOffer(secret, uri_of(secret, user.username, self._site))

    async def confirm_totp(self, viewer: Viewer, code: str) -> RecoveryCodes:
        """From now on the user's sign-ins want a code. Raises NotFound without an offer, Invalid, TooMany."""
        if self.attempts:
            await self.attempts.proof(viewer.credential)
        seal = await self._sealing.seal()
        user = await self.owner(viewer)
        sealed = found(await self.totps.offered(user.id), "totp")
        if not await self._use(seal, user.id, sealed, code):
            raise Invalid("code", WRONG, code="wrong")
        return await self.guard(user)

    async def remove_totp(self, viewer: Viewer) -> None:
        """No code is wanted any more. Raises NotFound."""
        user = await self.owner(viewer)
        if not await self.totps.remove(user.id):
            raise NotFound("totp")
        await self.unguard(user)

    async def remove_all(self, username: str) -> None:
        """Take every second factor from the user of this name, and sign them out everywhere. Raises NotFound."""
        user = found(await self.users.for_change_by_name(username_form(username)), "user")
        await self.totps.remove(user.id)
        await self.passkeys.remove_all(user.id)
        await self.unguard(user)
        await self.tokens.end_all(user.id)

    async def renew_recovery_codes(self, viewer: Viewer) -> RecoveryCodes:
        """Others in the place of all. Raises Conflict where there is no second factor."""
        user = await self.owner(viewer)
        if not user.has_second_factor:
            raise Conflict("recoveryCodes", "are for who has a second factor; set one up first")
        return await self._new_codes(user)

    async def owner(self, viewer: Viewer) -> User:
        """The viewer's user, locked. Raises Unauthenticated where they were signed out meanwhile."""
        return await locked(self.users, self.tokens, viewer)

    async def guard(self, user: User) -> RecoveryCodes:
        """The user, who is locked, has a second factor; with the first one come recovery codes."""
        user.has_second_factor = True
        return RecoveryCodes(None) if await self.codes.has_any(user.id) else await self._new_codes(user)

    async def unguard(self, user: User) -> None:
        """With the last second factor of the user, who is locked, the recovery codes go."""
        if await self.totps.confirmed(user.id) is None and not await self.passkeys.has_any(user.id):
            user.has_second_factor = False
            await self.codes.replace(user.id, [])

    async def _new_codes(self, user: User) -> RecoveryCodes:
        codes = new_recovery_codes()
        await self.codes.replace(user.id, [recovery_digest(code) for code in codes])
        return RecoveryCodes(codes)

    async def takes_code(self, user: UUID, code: str) -> bool:
        """Whether it is a code of the user's, which it is no more."""
        sealed = await self.totps.confirmed(user)
        return sealed is not None and await self._use(await self._sealing.seal(), user, sealed, code)

    async def takes_recovery_code(self, user: UUID, code: str) -> bool:
        """Whether it is a recovery code of the user's, which it is no more."""
        return await self.codes.use(user, recovery_digest(code))

    async def _use(self, seal: Seal, user: UUID, sealed: bytes, code: str) -> bool:
        secret = seal.open(sealed, SECRETS.place(user)).decode()
        step = step_of(secret, code, datetime.now(UTC))
        return step is not None and await self.totps.use(user, sealed, step)


def only_one(**given: object) -> str:
    """The name of the one that is given. Raises Invalid where none is, or several are."""
    names: Sequence[str] = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        raise Invalid("", f"must have one of {', '.join(given)}", code="one_of")
    return names[0]


def provide_second_factors(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> SecondFactorService:
    """The verbs over a request's unit of work, with the application's one seal, which is made at its first use."""
    made = SecondFactorService(work, state.resources.sealing, state.settings.http.site)
    made.attempts = Attempts(Throttle(state.database, scope), state.settings.security)
    return made
