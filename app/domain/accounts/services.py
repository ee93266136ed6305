"""The verbs of accounts. Passwords are hashed before the first statement: no connection is held meanwhile."""

import asyncio
from datetime import datetime
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope
from msgspec import UNSET
from msgspec.structs import asdict

from app.domain.accounts.admission import Admission, SecondFactorNeeded, at_once
from app.domain.accounts.attempts import Attempts
from app.domain.accounts.events import PasswordChanged, UserRegistered
from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.guessing import common_passwords
from app.domain.accounts.link_queries import Owner, owner
from app.domain.accounts.link_repositories import LinkRepository
from app.domain.accounts.links import ByLinkAlone
from app.domain.accounts.mails import Post
from app.domain.accounts.models import User
from app.domain.accounts.names import email_form, username_faults, username_form
from app.domain.accounts.permission_services import as_of_now
from app.domain.accounts.queries import (
    Credentials,
    account,
    account_by_name,
    credentials,
    credentials_by_name,
)
from app.domain.accounts.repositories import TokenRepository, UserRepository, locked
from app.domain.accounts.rules import RULES, checked, required, strict_rules
from app.domain.accounts.schemas import Account, Bio, Changes, Email, Image, Login, Password, SignedIn, Username
from app.domain.accounts.tokens import device_of
from app.kit.errors import Invalid, NotFound, Unauthenticated, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader, Service, UnitOfWork, repository
from app.platform.foreign_hashes import is_hash
from app.platform.passwords import PasswordHasher
from app.platform.ratelimit import Throttle
from app.platform.security import OF_ALL, OF_GUARDED, require_proof
from config.settings import SecuritySettings

# With the annotations of a user's fields, for the bodies of other modules: this room is the front door.
__all__ = [
    "Account",
    "AccountService",
    "Bio",
    "ByLinkAlone",
    "Changes",
    "Email",
    "Image",
    "Login",
    "Password",
    "SecondFactorNeeded",
    "SignedIn",
    "Username",
    "as_of_now",
    "as_username",
    "provide_accounts",
]


class AccountService(Service):
    """What people do with their accounts, and admins with those of others."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)
    links = repository(LinkRepository)
    attempts: Attempts | None = None  # counted for requests; on the command line nobody guesses
    post: Post | None = None  # for requests, where mail can be sent

    def __init__(
        self,
        work: UnitOfWork,
        reader: Reader,
        passwords: PasswordHasher,
        settings: SecuritySettings,
        device: str | None = None,
    ) -> None:
        """`device`: what the client calls itself, kept with the tokens that a sign-in makes."""
        super().__init__(work)
        self._reader = reader
        self._passwords = passwords
        self._settings = settings
        self.admission = Admission(work, settings, device)
        self.renewed: str | None = None  # the new value of the viewer's session, where a change gave it one

    async def sign_up(self, username: str, email: str, password: str, *, lenient: bool = False) -> SignedIn:
        """Make a user and sign them in. `lenient`: by the length of the password alone, unless the settings forbid it.

        Raises ByLinkAlone, Invalid with all that is wrong, TooMany, and Busy; the database refuses what is taken.
        """
        if self._settings.strict_addresses if lenient else not self._settings.direct_sign_up:
            raise ByLinkAlone
        given = await self._checked({"username": username, "email": email, "password": password}, lenient=lenient)
        if self.attempts:
            await self.attempts.sign_up(email)
        return await self.welcome(await self._hashed(given))

    async def new_user(self, given: dict[str, str | None]) -> dict[str, str]:
        """The fields of a user, as they are kept. Raises Invalid with all that is wrong, and Busy."""
        return await self._hashed(await self._checked(given))

    async def welcome(
        self, kept: dict[str, str], verified_at: datetime | None = None, *, as_session: bool = False
    ) -> SignedIn:
        """Add a user and sign them in; an address that is not confirmed yet is mailed a link."""
        user = await self._registered(User(**kept, email_verified_at=verified_at))
        return await self.admission.first(user.id, as_session=as_session)

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Make a token as `enter` does, for who needs no more than a password. Raises SecondFactorNeeded besides."""
        return at_once(await self.enter(email, password))

    async def enter(self, email: str, password: str, *, as_session: bool = False) -> SignedIn | SecondFactorAsked:
        """Make a token, or a session, for the user with this address, or username, and this password.

        Raises Unauthenticated, the same and as late where the address is nobody's; Invalid for blanks; TooMany, Busy.
        """
        required(email=email, password=password)
        is_name, known = await self._known(email)
        login = email if known is None else known.email
        if self.attempts:
            await self.attempts.sign_in(login, by_name=is_name)
        renewed = await self._passwords.verify(password, None if known is None else known.password)
        if known is None or renewed is None:
            raise Unauthenticated("credentials", "invalid")
        if self.attempts and not known.has_second_factor:  # else it is only half of one
            await self.attempts.signed_in(login)
        if not await self.users.still_has(known.id, known.password, renewed):
            raise Unauthenticated("credentials", "invalid")
        return await self.admit(known.id, as_session=as_session)

    async def admit(self, user: UUID, *, as_session: bool = False) -> SignedIn | SecondFactorAsked:
        """Sign in who has shown who they are, or ask for a second factor. Raises Unauthenticated for the inactive."""
        return await self.admission.admit(user, as_session=as_session)

    async def _known(self, login: str) -> tuple[bool, Credentials | None]:
        """Whether it is a username, for none has an @, and whose username or address it is."""
        if "@" in (email := email_form(login)):
            return False, await credentials.one(self._reader, email=email)
        return True, await credentials_by_name.one(self._reader, username=username_form(login))

    async def sign_out(self, viewer: Viewer) -> None:
        """End the token that was presented."""
        await self.tokens.end(viewer.id, viewer.credential)

    async def leave_session(self, viewer: Viewer) -> None:
        """End the session that was presented, where one was: its browser has another one now."""
        if viewer.is_session:
            await self.sign_out(viewer)

    async def sign_out_everywhere(self, viewer: Viewer) -> None:
        """End all of the viewer's tokens, the presented one too."""
        await self.tokens.end_all(viewer.id)

    async def revoke(self, viewer: Viewer, token: UUID) -> None:
        """End one of the viewer's tokens. Raises NotFound, for another user's too."""
        if not await self.tokens.end(viewer.id, token):
            raise NotFound("token")

    async def change(self, viewer: Viewer, changes: Changes, *, lenient: bool = False) -> Account:
        """Change the viewer's own account; a new password ends all tokens but the presented one, and renews a session.

        `lenient`: by the length of a password alone, and an address at once, unless the settings forbid it.

        Raises Invalid with all that is wrong, Busy, and ProofNeeded for a new password or address of who has a second
        factor; the database refuses a name or an address that is taken.
        """
        given = {field: text for field, text in asdict(changes).items() if text is not UNSET}
        if given.keys() & {"password", "email"}:
            require_proof(viewer, OF_GUARDED)
        before = await account.one(self._reader, user=viewer.id) if "password" in given else None
        kept = await self._hashed(await self._checked(given, before, lenient=lenient))
        user = await locked(self.users, self.tokens, viewer)
        old_address = user.email
        if kept.get("email", old_address) != old_address:
            self._require_ease(lenient)
            user.email_verified_at = None
        for field, text in kept.items():
            setattr(user, field, text or None)
        if "password" in kept:
            await self.tokens.end_all(user.id, but=viewer.credential)
            if viewer.is_session:
                self.renewed = await self.admission.renew(viewer)
        await self._tell_of_changes(user, old_address, "password" in kept)
        return found(await account.one(self.work, user=user.id), "user")

    async def create_superuser(self, username: str, email: str, password: str) -> UUID:
        """Make a user who may do everything. Raises as `sign_up` does."""
        return await self.create(username, email, password, is_staff=True, is_superuser=True)

    async def create(self, username: str, email: str, password: str, **standing: bool) -> UUID:
        """Make a user for somebody else to be. Raises as `sign_up` does."""
        kept = await self.new_user({"username": username, "email": email, "password": password})
        return (await self._registered(User(**kept, **standing))).id

    async def _registered(self, new: User) -> User:
        user = await self.users.add(new)
        self.work.publish(UserRegistered(user.id))
        if self.post and user.email_verified_at is None:
            await self.post.verification(user.id)
        return user

    async def change_password(self, username: str, password: str) -> None:
        """Give a user a new password and end all their tokens. Raises Invalid, Busy, NotFound."""
        known = found(await account_by_name.one(self._reader, username=username_form(username)), "user")
        hashed = await self.new_password(password, known)
        user = found(await self.users.for_change_by_name(username_form(username)), "user")
        await self.replace_password(user, hashed)

    async def new_password(self, password: str, owner: Account) -> str:
        """The hash of a password that this user may have. Raises Invalid with all that is wrong, and Busy."""
        return (await self._hashed(await self._checked({"password": password}, owner)))["password"]

    async def replace_password(self, user: User, hashed: str) -> None:
        """Give a user who is locked this password, and end all their tokens and links."""
        user.password = hashed
        await self.tokens.end_all(user.id)
        await self._tell_of_changes(user, user.email, has_new_password=True)

    async def confirm_password(self, viewer: Viewer, password: str) -> Owner:
        """The viewer, whose password this is. Raises Invalid where it is not; TooMany, Busy."""
        return await self._confirmed(found(await owner.one(self._reader, user=viewer.id), "user"), password)

    async def confirm_owner(self, viewer: Viewer, password: str | None) -> Owner:
        """The same; who has no password, for they sign in by a provider, has proved a moment ago who they are.

        Raises ProofNeeded besides.
        """
        asking = found(await owner.one(self._reader, user=viewer.id), "user")
        if not is_hash(asking.password):
            require_proof(viewer, OF_ALL)
            return asking
        required(password=password)
        return await self._confirmed(asking, password or "")

    async def _confirmed(self, asking: Owner, password: str) -> Owner:
        if self.attempts:
            await self.attempts.sign_in(asking.email)
        if await self._passwords.verify(password, asking.password) is None:
            raise Invalid("password", "is not the right one", code="wrong")
        if self.attempts:
            await self.attempts.signed_in(asking.email)
        return asking

    def _require_ease(self, lenient: bool) -> None:
        """An address changes at once where a contract says so, and the settings do not forbid it. Raises Invalid."""
        if not lenient or self._settings.strict_addresses:
            raise Invalid("email", "changes by links that are mailed to both addresses", code="unconfirmed")

    async def _tell_of_changes(self, user: User, old_address: str, has_new_password: bool) -> None:
        """End the links that were mailed before, and tell the address of before, and whoever wants to hear of it."""
        if not has_new_password and user.email == old_address:
            return
        await self.links.end(user.id)
        if has_new_password:
            self.work.publish(PasswordChanged(user.id))
        if self.post and user.email != old_address:
            await self.post.changed(old_address, user.email)
        if self.post and has_new_password:
            await self.post.password_changed(old_address)

    async def _checked(
        self, given: dict[str, str | None], before: Account | None = None, *, lenient: bool = False
    ) -> dict[str, str]:
        """The fields as they are kept. A password must not be like the names given, or where none is, those before.

        Raises Invalid with all that is wrong.
        """
        if "password" not in given or (lenient and not self._settings.strict_passwords):
            return checked(RULES, **given)
        common = await asyncio.to_thread(common_passwords)  # read from a file, the first time
        names = (given.get(field, getattr(before, field, None)) for field in ("username", "email", "display_name"))
        return checked(strict_rules(common, [name for name in names if name]), **given)

    async def _hashed(self, kept: dict[str, str]) -> dict[str, str]:
        """The fields with the password's hash in place of the password, where there is one."""
        if "password" not in kept:
            return kept
        return {**kept, "password": await self._passwords.hash(kept["password"])}


def as_username(text: str) -> str | None:
    """The text as a username, in the form in which it is kept; None where it cannot be one."""
    name = username_form(text)
    return None if any(username_faults(name)) else name


def provide_accounts(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> AccountService:
    """The verbs over a request's unit of work, with the application's one hasher, which is made at its first use."""
    settings = state.settings.security
    reader, device = state.database.reader(work.viewer), device_of(scope["headers"])
    accounts = AccountService(work, reader, state.resources.passwords, settings, device)
    accounts.attempts = Attempts(Throttle(state.database, scope), settings)
    if state.resources.mailer.backend is not None:
        accounts.post = accounts.admission.post = Post(state.resources.mailer, work)
    return accounts
