"""The verbs of accounts. Passwords are hashed before the first statement: no connection is held meanwhile."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from app.domain.accounts.models import Token, User
from app.domain.accounts.names import email_form, username_faults, username_form
from app.domain.accounts.queries import account, credentials
from app.domain.accounts.repositories import TokenRepository, UserRepository
from app.domain.accounts.rules import checked, required
from app.domain.accounts.schemas import Account, Bio, Email, Image, Password, SignedIn, Username
from app.domain.accounts.tokens import digest_of, new_token
from app.kit.errors import NotFound, Unauthenticated, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader, Service, UnitOfWork, repository
from app.platform.passwords import PasswordHasher
from config.settings import SecuritySettings

# With the annotations of a user's fields, for the bodies of other modules: this room is the front door.
__all__ = [
    "Account",
    "AccountService",
    "Bio",
    "Changes",
    "Email",
    "Image",
    "Password",
    "SignedIn",
    "Username",
    "as_username",
    "provide_accounts",
]


class Changes(Struct, frozen=True, kw_only=True):
    """What is different about a user.

    UNSET stays as it is, None counts as blank, and of the profile an empty text is removed.
    """

    username: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET
    display_name: str | UnsetType | None = UNSET
    bio: str | UnsetType | None = UNSET
    image: str | UnsetType | None = UNSET


class AccountService(Service):
    """What people do with their accounts, and admins with those of others."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)

    def __init__(self, work: UnitOfWork, reader: Reader, passwords: PasswordHasher, settings: SecuritySettings) -> None:
        super().__init__(work)
        self._reader = reader
        self._passwords = passwords
        self._lifetime = timedelta(days=settings.token_lifetime_days)

    async def sign_up(self, username: str, email: str, password: str) -> SignedIn:
        """Make a user and sign them in.

        Raises Invalid with all that is wrong, and Busy; the database refuses a name or an address that is taken.
        """
        kept = await self._hashed(checked(username=username, email=email, password=password))
        user = await self.users.add(User(**kept))
        return await self._signed_in(user.id)

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Make a token for the user with this address and this password, and forget those that have expired.

        Raises Unauthenticated, the same and as late where the address is nobody's; Invalid for blanks, and Busy.
        """
        required(email=email, password=password)
        known = await credentials.one(self._reader, email=email_form(email))
        matches = await self._passwords.verify(password, None if known is None else known.password)
        if known is None or not matches or not await self.users.still_has(known.id, known.password):
            raise Unauthenticated("credentials", "invalid")
        await self.tokens.forget_expired(known.id)
        return await self._signed_in(known.id)

    async def _signed_in(self, user: UUID) -> SignedIn:
        clear, expires_at = new_token(), datetime.now(UTC) + self._lifetime
        token = await self.tokens.add(Token(user_id=user, digest=digest_of(clear), expires_at=expires_at))
        return SignedIn(token.id, clear, expires_at, found(await account.one(self.work, user=user), "user"))

    async def sign_out(self, viewer: Viewer) -> None:
        """End the token that was presented."""
        await self.tokens.end(viewer.id, viewer.credential)

    async def sign_out_everywhere(self, viewer: Viewer) -> None:
        """End all of the viewer's tokens, the presented one too."""
        await self.tokens.end_all(viewer.id)

    async def revoke(self, viewer: Viewer, token: UUID) -> None:
        """End one of the viewer's tokens. Raises NotFound, for another user's too."""
        if not await self.tokens.end(viewer.id, token):
            raise NotFound("token")

    async def change(self, viewer: Viewer, changes: Changes) -> Account:
        """Change the viewer's own account; a new password ends all tokens but the presented one.

        Raises Invalid with all that is wrong, and Busy; the database refuses a name or an address that is taken.
        """
        given = {field: text for field, text in asdict(changes).items() if text is not UNSET}
        kept = await self._hashed(checked(**given))
        user = found(await self.users.for_change(viewer.id), "user")
        # A token that was ended meanwhile, by the owner's sign-out or new password, must not take the account over.
        is_known = viewer.credential is None or await self.tokens.is_live(viewer.id, viewer.credential)
        if not (user.is_active and is_known):
            raise Unauthenticated("token", "is invalid")
        for field, text in kept.items():
            setattr(user, field, text or None)
        if "password" in kept:
            await self.tokens.end_all(user.id, but=viewer.credential)
        return found(await account.one(self.work, user=user.id), "user")

    async def create_superuser(self, username: str, email: str, password: str) -> UUID:
        """Make a user who may do everything. Raises as `sign_up` does."""
        kept = await self._hashed(checked(username=username, email=email, password=password))
        user = await self.users.add(User(**kept, is_staff=True, is_superuser=True))
        return user.id

    async def change_password(self, username: str, password: str) -> None:
        """Give a user a new password and end all their tokens. Raises Invalid, Busy, NotFound."""
        kept = await self._hashed(checked(password=password))
        user = found(await self.users.for_change_by_name(username_form(username)), "user")
        user.password = kept["password"]
        await self.tokens.end_all(user.id)

    async def _hashed(self, kept: dict[str, str]) -> dict[str, str]:
        """The fields with the password's hash in place of the password, where there is one."""
        if "password" not in kept:
            return kept
        return {**kept, "password": await self._passwords.hash(kept["password"])}


def as_username(text: str) -> str | None:
    """The text as a username, in the form in which it is kept; None where it cannot be one."""
    name = username_form(text)
    return None if any(username_faults(name)) else name


def provide_accounts(work: NamedDependency[UnitOfWork], state: State) -> AccountService:
    """The verbs over a request's unit of work, with the application's one hasher, which is made at its first use."""
    settings = state.settings.security
    if "passwords" not in state:
        state.passwords = PasswordHasher(settings.password_workers, settings.password_queue)
    return AccountService(work, state.database.reader(work.viewer), state.passwords, settings)
