"""The verbs of passkeys: to register one, to take it away, and to be known by it."""

import asyncio
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID

import structlog
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope

from app.domain.accounts.challenges import PASSKEY, PROOF, REGISTRATION, SECOND_FACTOR, Challenges
from app.domain.accounts.factor_repositories import ChallengeRepository, PasskeyRepository
from app.domain.accounts.factor_schemas import RegisteredPasskey
from app.domain.accounts.models import Passkey
from app.domain.accounts.passkey_schemas import Credential, NewPasskey, PasskeyOptions
from app.domain.accounts.second_factors import SecondFactorService, provide_second_factors
from app.domain.accounts.tokens import digest_of
from app.kit.errors import Invalid, NotFound, Unauthenticated
from app.kit.identity import Viewer
from app.platform.database.work import Service, UnitOfWork, repository
from config.settings import HttpSettings

CEREMONIES = "app.domain.accounts.ceremonies"

log = structlog.get_logger()


class PasskeyService(Service):
    """What people do with their passkeys."""

    passkeys = repository(PasskeyRepository)
    challenges = repository(ChallengeRepository)

    def __init__(self, factors: SecondFactorService, http: HttpSettings) -> None:
        super().__init__(factors.work)
        self._factors = factors
        self._http = http

    async def offer(self, viewer: Viewer) -> PasskeyOptions:
        """By which a browser makes a passkey for the viewer. Raises Busy."""
        ceremonies, site = await self._ceremonies()
        user = await self._factors.owner(viewer)
        asked = await Challenges(self.work).ask(REGISTRATION, user.id)
        return PasskeyOptions(ceremonies.creation_options(site, user, await self.passkeys.of(user.id), asked.digest))

    async def register(self, viewer: Viewer, new: NewPasskey) -> RegisteredPasskey:
        """Keep a passkey; from now on sign-ins by password want it, or another second factor.

        Raises Invalid for what is no answer to the offer; the database refuses a passkey that is known.
        """
        ceremonies, site = await self._ceremonies()
        user = await self._factors.owner(viewer)
        digest = ceremonies.challenge_in(new.credential)
        asked = await self.challenges.take(REGISTRATION, digest)
        if asked is None or asked.user_id != user.id:
            raise Invalid("passkey", "was asked for too long ago", code="wrong")
        made = ceremonies.made_by(new.credential, digest, site)
        passkey = Passkey(
            user_id=user.id,
            name=new.name.strip(),
            transports=ceremonies.transports_of(new.credential),
            **made._asdict(),
        )
        kept = await self.passkeys.add(passkey)
        codes = await self._factors.guard(user)
        return RegisteredPasskey(kept.id, codes.recovery_codes)

    async def remove(self, viewer: Viewer, passkey: UUID) -> None:
        """It is good no more. Raises NotFound, for another user's too."""
        user = await self._factors.owner(viewer)
        if not await self.passkeys.remove(user.id, passkey):
            raise NotFound("passkey")
        await self._factors.unguard(user)

    async def options(self) -> PasskeyOptions:
        """By which a browser asks whatever passkey its user has for this site."""
        ceremonies, site = await self._ceremonies()
        if self._factors.attempts:
            await self._factors.attempts.passkey()
        asked = await Challenges(self.work).ask(PASSKEY, None)
        return PasskeyOptions(ceremonies.request_options(site, (), asked.digest, verified=True))

    async def proof_options(self, viewer: Viewer) -> PasskeyOptions:
        """By which a browser asks a passkey of the viewer's once more."""
        ceremonies, site = await self._ceremonies()
        asked = await Challenges(self.work).ask(PROOF, viewer.id)
        return PasskeyOptions(
            ceremonies.request_options(site, await self.passkeys.of(viewer.id), asked.digest, verified=True)
        )

    async def second_factor_options(self, challenge: str) -> PasskeyOptions:
        """By which a browser asks a passkey of who has passed the first factor. Raises Unauthenticated, TooMany."""
        ceremonies, site = await self._ceremonies()
        digest = digest_of(challenge)
        if self._factors.attempts:
            await self._factors.attempts.second_factor(digest)
        asked = await self.challenges.waiting(SECOND_FACTOR, digest)
        if asked is None:
            raise Unauthenticated("challenge", "is over; begin again with the first factor")
        return PasskeyOptions(
            ceremonies.request_options(site, await self.passkeys.of(asked.user_id), digest, verified=False)
        )

    async def bearer(self, credential: Credential) -> UUID:
        """Whose passkey answers, who is known by that alone: it has looked whose hand it is in. Raises Invalid."""
        if self._factors.attempts:
            await self._factors.attempts.passkey()
        return await self._answers(PASSKEY, None, credential)

    async def proves(self, user: UUID, credential: Credential) -> bool:
        """Whether a passkey of this user's answers, who is signed in. Raises Invalid."""
        return await self._answers(PROOF, user, credential) == user

    async def _answers(self, purpose: str, user: UUID | None, credential: Credential) -> UUID:
        ceremonies, _ = await self._ceremonies()
        digest = ceremonies.challenge_in(credential)
        asked = await self.challenges.take(purpose, digest)
        if asked is None or asked.user_id != user:
            raise Invalid("passkey", "was asked for too long ago", code="wrong")
        return await self.takes(credential, digest, user, verified=True)

    async def takes(self, credential: Credential, challenge: bytes, user: UUID | None, *, verified: bool) -> UUID:
        """Whose passkey answers this challenge, which is taken already; of this user, where one is given.

        Raises Invalid. The count of its uses rises, and of two answers with one count the second is refused.
        """
        ceremonies, site = await self._ceremonies()
        passkey = await self.passkeys.by_credential(ceremonies.credential_id_of(credential))
        if passkey is None or (user is not None and passkey.user_id != user):
            raise Invalid("passkey", "is not known here", code="wrong")
        try:
            count = ceremonies.count_after(credential, challenge, passkey, site, verified=verified)
        except Invalid:
            log.warning("a passkey's answer was refused", passkey=passkey.id)
            raise
        passkey.sign_count, passkey.last_used_at = count, datetime.now(UTC)
        return passkey.user_id

    async def _ceremonies(self) -> tuple[Any, Any]:
        """The room of that name, and the site that they are for. Raises Busy where it has no address."""
        room = await asyncio.to_thread(import_module, CEREMONIES)
        return room, room.Site.of(self._http)


def provide_passkeys(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> PasskeyService:
    """The verbs over a request's unit of work."""
    return PasskeyService(provide_second_factors(work, state, scope), state.settings.http)
