"""The one way in: whatever somebody has proved themselves by first, here it becomes a sign-in, or a second question."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from app.domain.accounts.challenges import SECOND_FACTOR, Challenges
from app.domain.accounts.events import UserSignedIn
from app.domain.accounts.factor_schemas import SecondFactorAsked, SecondFactors
from app.domain.accounts.link_queries import devices
from app.domain.accounts.mails import Post
from app.domain.accounts.models import Token
from app.domain.accounts.queries import account, second_factors
from app.domain.accounts.repositories import TokenRepository, UserRepository
from app.domain.accounts.schemas import SignedIn
from app.domain.accounts.tokens import digest_of, idle_since, lifetime, new_token
from app.kit.errors import Forbidden, Unauthenticated, found
from app.kit.identity import Viewer
from app.platform.database.work import Service, UnitOfWork, repository
from config.settings import SecuritySettings


class SecondFactorNeeded(Forbidden):
    """The first factor is right, and here no second one is taken: sign in where one is asked for."""

    code = "second_factor_needed"
    title = "Second factor needed"

    def __init__(self) -> None:
        super(Forbidden, self).__init__("secondFactor", "is needed: sign in at POST /api/v1/accounts/tokens")


def at_once(entered: SignedIn | SecondFactorAsked) -> SignedIn:
    """The sign-in, where one factor was enough. Raises SecondFactorNeeded."""
    if isinstance(entered, SecondFactorAsked):
        raise SecondFactorNeeded
    return entered


class Admission(Service):
    """From a proof of who somebody is to what they are known by from now on."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)
    post: Post | None = None  # for requests, where mail can be sent

    def __init__(self, work: UnitOfWork, settings: SecuritySettings, device: str | None = None) -> None:
        """`device`: what the client calls itself, kept with the sign-in."""
        super().__init__(work)
        self._settings = settings
        self._device = device

    async def admit(self, user: UUID, *, as_session: bool = False) -> SignedIn | SecondFactorAsked:
        """Sign in who has passed a first factor of any kind, or ask for the second one where the user has one.

        Raises Unauthenticated where the user is not active (any more).
        """
        is_guarded = await self.users.is_guarded(user)
        if is_guarded is None:
            raise Unauthenticated("credentials", "invalid")
        return await self._ask(user) if is_guarded else await self._sign_in(user, as_session=as_session)

    async def _ask(self, user: UUID) -> SecondFactorAsked:
        asked = await Challenges(self.work).ask(SECOND_FACTOR, user)
        has = found(await second_factors.one(self.work, user=user), "user")
        return SecondFactorAsked(asked.clear, asked.expires_at, list(_ways(has)))

    async def admit_by_both(self, user: UUID, *, as_session: bool = False) -> SignedIn:
        """Sign in who has passed two factors, or one that is as good. Raises as `admit` does."""
        if await self.users.is_guarded(user) is None:
            raise Unauthenticated("credentials", "invalid")
        return await self._sign_in(user, as_session=as_session)

    async def _sign_in(self, user: UUID, *, as_session: bool) -> SignedIn:
        """Make a token, or a session, forget those that have expired, and tell of a device that is new."""
        await self.tokens.forget_expired(idle_since(self._settings), user)
        seen = await devices.one(self.work, user=user, device=self._device) if self.post else None
        made = await self.first(user, as_session=as_session)
        if self.post and seen and seen.has_any and not seen.has_this:
            await self.post.new_device(made.user.email, self._device)
        return made

    async def first(self, user: UUID, *, as_session: bool = False) -> SignedIn:
        """Make a token, or a session, for somebody new."""
        clear, now = new_token(is_session=as_session), datetime.now(UTC)
        made = Token(
            user_id=user,
            digest=digest_of(clear),
            expires_at=now + lifetime(self._settings, is_session=as_session),
            device=self._device,
            is_session=as_session,
            proved_at=now,
        )
        token = await self.tokens.add(made)
        self.work.publish(UserSignedIn(user, token.id, as_session))
        return SignedIn(token.id, clear, made.expires_at, found(await account.one(self.work, user=user), "user"))

    async def renew(self, viewer: Viewer) -> str | None:
        """Note that the viewer has proved who they are. A session goes on under a new value, which this is.

        A token stays what it is: what holds it may be a program. Raises Unauthenticated where it ended meanwhile.
        """
        clear = new_token(is_session=True) if viewer.is_session else None
        if not await self.tokens.renew(viewer.credential, digest=digest_of(clear) if clear else None):
            raise Unauthenticated("token", "is invalid")
        return clear


def _ways(has: SecondFactors) -> Iterator[Literal["code", "recoveryCode", "passkey"]]:
    if has.totp:
        yield "code"
    if has.recovery_codes_left:
        yield "recoveryCode"
    if has.passkeys:
        yield "passkey"
