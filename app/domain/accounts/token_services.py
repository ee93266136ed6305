"""The verbs of tokens that are asked for by name, and those by which admins end tokens; signing in makes the others."""

import unicodedata
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import Struct

from app.domain.accounts.factor_repositories import ChallengeRepository
from app.domain.accounts.models import Token, User
from app.domain.accounts.names import display_name_faults, username_form
from app.domain.accounts.policies import may_admit
from app.domain.accounts.repositories import TokenRepository, UserRepository, locked
from app.domain.accounts.schemas import MadeToken
from app.domain.accounts.tokens import Idle, digest_of, idle_since, new_token, scopes_of
from app.kit.errors import Conflict, Invalid, NotFound, Violation, found, inside, require
from app.kit.identity import Viewer
from app.platform.database.work import Service, UnitOfWork, repository
from app.platform.security import OF_GUARDED, require_proof
from config.settings import SecuritySettings

MOST_NAMED = 100  # of one user, and not expired


class Wish(Struct, frozen=True):
    """What a token should be: its name, how many days it is good, and the names of what it is limited to."""

    name: str
    days: int | None = None
    scopes: list[str] | None = None


class TokenService(Service):
    """What people do with their tokens, and admins with those of others."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)
    challenges = repository(ChallengeRepository)

    def __init__(self, work: UnitOfWork, settings: SecuritySettings, scopes: Collection[str]) -> None:
        """`scopes`: what a token can be limited to."""
        super().__init__(work)
        self._settings = settings
        self._scopes = scopes

    async def make(self, viewer: Viewer, wish: Wish) -> MadeToken:
        """Make a token for the viewer.

        Raises Invalid with all that is wrong, Conflict where the viewer has a hundred, and ProofNeeded for an
        unlimited one of who has a second factor.
        """
        if wish.scopes is None:
            require_proof(viewer, OF_GUARDED)
        wish = self._checked(wish)
        return await self._made(await locked(self.users, self.tokens, viewer), wish)

    async def make_for(self, username: str, wish: Wish) -> MadeToken:
        """Make a token for the user of this name. Raises Invalid, NotFound, Conflict."""
        wish = self._checked(wish)
        return await self._made(await self._named(username), wish)

    def _checked(self, wish: Wish) -> Wish:
        wish = Wish(unicodedata.normalize("NFC", wish.name).strip(), self._days(wish), wish.scopes)
        if violations := list(self._violations(wish)):
            raise Invalid.of(violations)
        return wish

    def _days(self, wish: Wish) -> int:
        if wish.days is not None:
            return wish.days
        return min(self._settings.token_lifetime_days, self._settings.token_max_days)

    def _violations(self, wish: Wish) -> Iterator[Violation]:
        if not wish.name:
            yield Violation("/name", "blank", "can't be blank")
        for code, text in display_name_faults(wish.name):
            yield Violation("/name", code, text)
        if not 1 <= (wish.days or 0) <= self._settings.token_max_days:
            yield Violation("/days", "out_of_range", f"must be from 1 to {self._settings.token_max_days}")
        if wish.scopes == []:
            yield Violation("/scopes", "blank", "can't be blank")
        for number, scope in enumerate(wish.scopes or ()):
            if scope not in self._scopes:
                yield Violation(inside("/scopes", str(number)), "unknown", "must be names of permissions")

    async def _made(self, user: User, wish: Wish) -> MadeToken:
        if await self.tokens.count_named(user.id) >= MOST_NAMED:
            raise Conflict("tokens", f"are {MOST_NAMED} already that were asked for by name; end one of them first")
        clear, expires_at = new_token(), datetime.now(UTC) + timedelta(days=wish.days or 0)
        scopes = None if wish.scopes is None else sorted(set(wish.scopes))
        token = Token(user_id=user.id, digest=digest_of(clear), expires_at=expires_at, name=wish.name, scopes=scopes)
        return MadeToken((await self.tokens.add(token)).id, clear, wish.name, scopes, expires_at)

    async def sign_out_others(self, viewer: Viewer) -> None:
        """End all of the viewer's tokens but the presented one."""
        await self.tokens.end_all(viewer.id, but=viewer.credential)

    async def revoke(self, token: UUID) -> None:
        """End a token, whoever's it is. Raises NotFound."""
        if not await self.tokens.end_any(token):
            raise NotFound("token")

    async def end_of_another(self, viewer: Viewer, token: UUID) -> None:
        """End a token, whoever's it is; a superuser's, superusers alone. Raises NotFound, Forbidden."""
        user = found(await self.users.for_change_by_token(token), "token")
        if user.id != viewer.id:
            require(may_admit(viewer, user), "user")
        await self.revoke(token)

    async def revoke_named(self, username: str) -> int:
        """End all tokens of a user that were asked for by name; how many. Raises NotFound."""
        return await self.tokens.end_named((await self._named(username)).id)

    async def revoke_all(self, username: str) -> int:
        """End all tokens of a user, sign-ins too; how many. Raises NotFound."""
        return await self.tokens.end_all((await self._named(username)).id)

    async def forget_expired(self) -> int:
        """Delete the tokens that are no good any more, everybody's, and what nobody finished; how many tokens."""
        await self.challenges.forget_all_expired()
        return await self.tokens.forget_expired(idle_since(self._settings))

    async def _named(self, username: str) -> User:
        """The user, locked: a sign-in that is under way ends before, or begins after."""
        return found(await self.users.for_change_by_name(username_form(username)), "user")


def provide_tokens(work: NamedDependency[UnitOfWork], state: State) -> TokenService:
    """The verbs over a request's unit of work."""
    return TokenService(work, state.settings.security, scopes_of(state.modules))


def provide_idle(state: State) -> Idle:
    """When a token must have been used last to be good."""
    return idle_since(state.settings.security)
