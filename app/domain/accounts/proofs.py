"""What somebody shows to prove who they are: as the second step of a sign-in, or before what is sensitive."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope

from app.domain.accounts.attempts import Attempts
from app.domain.accounts.challenges import SECOND_FACTOR
from app.domain.accounts.factor_repositories import ChallengeRepository
from app.domain.accounts.factor_schemas import Proof, Proved, SecondFactor
from app.domain.accounts.passkey_schemas import Credential
from app.domain.accounts.passkeys import PasskeyService, provide_passkeys
from app.domain.accounts.queries import asked_of
from app.domain.accounts.schemas import SignedIn
from app.domain.accounts.second_factors import WRONG, SecondFactorService, only_one, provide_second_factors
from app.domain.accounts.services import AccountService, provide_accounts
from app.domain.accounts.tokens import digest_of
from app.kit.errors import Invalid, Unauthenticated
from app.kit.identity import Viewer
from app.platform.database.work import Reader, Service, UnitOfWork, repository
from app.platform.ratelimit import Throttle
from config.settings import SecuritySettings


class ProofService(Service):
    """The second step of a sign-in, and the step up of who is signed in."""

    challenges = repository(ChallengeRepository)

    def __init__(
        self,
        accounts: AccountService,
        factors: SecondFactorService,
        passkeys: PasskeyService,
        attempts: Attempts,
        reader: Reader,
        settings: SecuritySettings,
    ) -> None:
        """Over the unit of work of these accounts."""
        super().__init__(accounts.work)
        self._admission = accounts.admission
        self._accounts = accounts
        self._factors = factors
        self._passkeys = passkeys
        self._attempts = attempts
        self._reader = reader
        self._lasts = timedelta(minutes=settings.proof_minutes)
        self.renewed: str | None = None  # the new value of the viewer's session

    async def finish(self, answer: SecondFactor, *, as_session: bool = False) -> SignedIn:
        """Sign in who was asked for a second factor, and has it.

        Raises Unauthenticated for a challenge that is over and for a wrong answer, Invalid for none, TooMany.
        """
        way = only_one(code=answer.code, recoveryCode=answer.recovery_code, passkey=answer.passkey)
        digest = digest_of(answer.challenge)
        await self._attempts.second_factor(digest, await self._coded(answer, digest))
        challenge = await self.challenges.take(SECOND_FACTOR, digest)
        if challenge is None or challenge.user_id is None:
            raise Unauthenticated("challenge", "is over; begin again with the first factor")
        if not await self._takes(challenge.user_id, answer, digest):
            raise Unauthenticated(way, WRONG)
        return await self._enter(challenge.user_id, as_session=as_session)

    async def _coded(self, answer: SecondFactor, challenge: bytes) -> UUID | None:
        """Whose code the answer would be."""
        if answer.code is None:
            return None
        asked = await asked_of.one(self._reader, purpose=SECOND_FACTOR, digest=challenge)
        return None if asked is None else asked.user_id

    async def _takes(self, user: UUID, answer: SecondFactor, challenge: bytes) -> bool:
        if answer.passkey is not None:
            return await _known(self._passkeys.takes(answer.passkey, challenge, user, verified=False)) == user
        if answer.code is not None:
            return await self._factors.takes_code(user, answer.code)
        return await self._factors.takes_recovery_code(user, answer.recovery_code or "")

    async def enter_by_passkey(self, credential: Credential, *, as_session: bool = False) -> SignedIn:
        """Sign in whose passkey this is, which is both factors in one. Raises Unauthenticated, TooMany."""
        return await self._enter(await _known(self._passkeys.bearer(credential)), as_session=as_session)

    async def leave_session(self, viewer: Viewer) -> None:
        """End the session that was presented, where one was: its browser has another one now."""
        await self._accounts.leave_session(viewer)

    async def _enter(self, user: UUID, *, as_session: bool) -> SignedIn:
        """Sign in who has passed everything, and uncount what it took."""
        made = await self._admission.admit_by_both(user, as_session=as_session)
        await self._attempts.signed_in_by_both(made.user.email, user, self.work)
        return made

    async def prove(self, viewer: Viewer, proof: Proof) -> Proved:
        """The viewer is who they say; a session goes on under a new value.

        Raises Invalid for what is wrong, or none; TooMany, Busy; Unauthenticated where they were signed out meanwhile.
        """
        way = only_one(password=proof.password, code=proof.code, passkey=proof.passkey)
        await self._attempts.proof(viewer.credential, None if proof.code is None else viewer.id)
        if not await self._holds(viewer, proof):
            raise Invalid(way, WRONG if way == "code" else "is wrong", code="wrong")
        self.renewed = await self._admission.renew(viewer)
        return Proved(datetime.now(UTC) + self._lasts)

    async def _holds(self, viewer: Viewer, proof: Proof) -> bool:
        if viewer.id is None:
            return False
        if proof.password is not None:
            return bool(await self._accounts.confirm_password(viewer, proof.password))
        if proof.passkey is not None:
            return await self._passkeys.proves(viewer.id, proof.passkey)
        return await self._factors.takes_code(viewer.id, proof.code or "")


async def _known(answer: Awaitable[UUID]) -> UUID:
    """Whose passkey answers; who is not signed in is told that they stay so. Raises Unauthenticated."""
    try:
        return await answer
    except Invalid as error:
        raise Unauthenticated("passkey", "is not right, or came too late") from error


def provide_proofs(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> ProofService:
    """The verbs over a request's unit of work."""
    settings, reader = state.settings.security, state.database.reader(work.viewer)
    accounts, factors = provide_accounts(work, state, scope), provide_second_factors(work, state, scope)
    passkeys, attempts = provide_passkeys(work, state, scope), Attempts(Throttle(state.database, scope), settings)
    return ProofService(accounts, factors, passkeys, attempts, reader, settings)
