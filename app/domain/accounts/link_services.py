"""The verbs of mailed links: to ask for one, and to follow it. What a password costs is paid before any transaction."""

from datetime import UTC, datetime

from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope

from app.domain.accounts.admission import at_once
from app.domain.accounts.attempts import Attempts
from app.domain.accounts.events import UserDeleted
from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.invitation_queries import invited
from app.domain.accounts.invitation_services import InvitationService
from app.domain.accounts.link_attempts import LinkAttempts
from app.domain.accounts.link_queries import Followed, Joining, link_to_join, live_link, owner, who_has
from app.domain.accounts.link_repositories import LinkRepository
from app.domain.accounts.link_schemas import AddressChange, Mailed
from app.domain.accounts.links import CHANGE, LIFETIMES, DeadLink, Purpose, digest_of_secret
from app.domain.accounts.mails import Post
from app.domain.accounts.models import Link, User
from app.domain.accounts.policies import LastSuperuser
from app.domain.accounts.repositories import TokenRepository, UserRepository, locked
from app.domain.accounts.rules import checked
from app.domain.accounts.schemas import SignedIn
from app.domain.accounts.services import AccountService, provide_accounts
from app.domain.accounts.tokens import digest_of
from app.kit.errors import Invalid, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader, Service, UnitOfWork, repository
from app.platform.idempotency import forget
from app.platform.mail.mailer import Mailer
from app.platform.ratelimit import Throttle


class Guards:
    """What counts the attempts of one request: at passwords, and at links."""

    def __init__(self, throttle: Throttle, state: State) -> None:
        self.passwords = Attempts(throttle, state.settings.security)
        self.links = LinkAttempts(throttle, state.settings)


class LinkService(Service):
    """What people do by links that are mailed to them, and what else they need their password for."""

    users = repository(UserRepository)
    links = repository(LinkRepository)
    tokens = repository(TokenRepository)

    def __init__(self, accounts: AccountService, reader: Reader, mailer: Mailer, guards: Guards) -> None:
        """Over the unit of work of these accounts."""
        super().__init__(accounts.work)
        self._accounts = accounts
        self._reader = reader
        self._mailer = mailer
        self._guards = guards
        self._post = Post(mailer, accounts.work)
        self._invitations = InvitationService(accounts.work, mailer)

    async def ask_to_join(self, address: str) -> Mailed:
        """Mail a link to join by; the answer, and its time, are the same where somebody has this address.

        Raises Invalid for what is no address, TooMany, Busy.
        """
        self._mailer.require()
        kept = checked(email=address)["email"]
        await self._guards.links.ask(kept, Purpose.JOIN)
        await self._post.joining(kept)
        return _mailed(Purpose.JOIN)

    async def join(self, secret: str, username: str, password: str, *, as_session: bool = False) -> SignedIn:
        """Make a user with the address that the link was mailed to, and sign them in, by a token or a session.

        Raises DeadLink, Invalid with all that is wrong, TooMany, Busy; the database refuses what is taken.
        """
        address = (await self.look_at_joining(secret)).email
        new = await self._accounts.new_user({"username": username, "email": address, "password": password})
        digest = digest_of_secret(secret)
        is_asked_for = await self.links.take_to_join(digest) is not None
        invitation = None if is_asked_for else await self._invitations.accept(digest)
        made = await self._accounts.welcome(new, verified_at=datetime.now(UTC), as_session=as_session)
        if invitation is not None:
            await self._invitations.welcome(invitation, made.user.id)
        return made

    async def ask_to_verify(self, viewer: Viewer) -> Mailed:
        """Mail a link that confirms the viewer's address, unless it is confirmed. Raises TooMany, Busy."""
        self._mailer.require()
        asking = found(await owner.one(self._reader, user=viewer.id), "user")
        await self._guards.links.ask(asking.email, Purpose.VERIFY)
        if not asking.is_verified:
            await self._post.verification(asking.id)
        return _mailed(Purpose.VERIFY)

    async def verify(self, secret: str) -> None:
        """Confirm the address that the link was mailed to. Raises DeadLink, TooMany."""
        await self.look_at(secret, Purpose.VERIFY)
        _, user = await self._take(secret, Purpose.VERIFY)
        await self.links.end(user.id, Purpose.VERIFY)

    async def ask(self, address: str, purpose: Purpose) -> Mailed:
        """Mail a link to whoever has this address; the answer, and its time, are the same where nobody has.

        Raises Invalid for what is no address, TooMany, Busy.
        """
        self._mailer.require()
        kept = checked(email=address)["email"]
        await self._guards.links.ask(kept, purpose)
        await self._post.link_to(kept, purpose)
        return _mailed(purpose)

    async def reset(self, secret: str, password: str) -> None:
        """Give the link's user a new password, and end their tokens and links, and what locks them out.

        Raises DeadLink, Invalid with all that is wrong with the password, TooMany, Busy.
        """
        link = await self.look_at(secret, Purpose.RESET)
        hashed = await self._accounts.new_password(password, link.owner)
        await self._guards.passwords.let_in(link.owner.email)
        _, user = await self._take(secret, Purpose.RESET)
        await self._accounts.replace_password(user, hashed)

    async def sign_in(self, secret: str, *, as_session: bool = False) -> SignedIn:
        """Sign the link's user in, where that is enough. Raises DeadLink, TooMany, SecondFactorNeeded."""
        return at_once(await self.enter(secret, as_session=as_session))

    async def enter(self, secret: str, *, as_session: bool = False) -> SignedIn | SecondFactorAsked:
        """Sign the link's user in, by a token or session, or ask for their second factor. Raises DeadLink, TooMany."""
        link = await self.look_at(secret, Purpose.SIGN_IN)
        if not link.is_guarded:  # else it is only half of a sign-in
            await self._guards.passwords.let_in(link.owner.email)
        _, user = await self._take(secret, Purpose.SIGN_IN)
        await self.links.end(user.id, Purpose.SIGN_IN)
        return await self._accounts.admit(user.id, as_session=as_session)

    async def leave_session(self, value: str | None) -> None:
        """End the session that the browser had before, by what its cookie held."""
        if value is not None:
            await self.tokens.end_session(digest_of(value))

    async def ask_to_change(self, viewer: Viewer, address: str, password: str | None) -> Mailed:
        """Mail a link to the viewer's address and one to the new one, which is told if it is somebody's already.

        The answer does not tell whether it is. Raises Invalid, ProofNeeded, TooMany, Busy, and Unauthenticated.
        """
        self._mailer.require()
        new = checked(email=address)["email"]
        asking = await self._accounts.confirm_owner(viewer, password)
        if new == asking.email:
            raise Invalid("email", "is the address already", code="same")
        await self._guards.links.ask(asking.email, Purpose.LEAVE)
        holder = await who_has.one(self._reader, email=new)
        user = await locked(self.users, self.tokens, viewer)
        await self.links.end(user.id, *CHANGE)
        await self._post.change(user.id, new, is_taken=holder is not None and holder.id != user.id)
        return _mailed(Purpose.LEAVE)

    async def change(self, secret: str) -> AddressChange:
        """Confirm a change of address at one of the two; at the second it is done, and ends all links.

        Raises DeadLink, TooMany; the database refuses an address that was taken meanwhile.
        """
        await self.look_at(secret, *CHANGE)
        link, user = await self._take(secret, *CHANGE)
        if not link.is_last:
            other = Purpose.ENTER if link.purpose == Purpose.LEAVE else Purpose.LEAVE
            if not await self.links.mark_last(user.id, other, link.email):
                raise DeadLink
            return AddressChange(changed=False, email=link.email)
        old, user.email, user.email_verified_at = user.email, link.email, datetime.now(UTC)
        await self.links.end(user.id)
        await self._post.changed(old, user.email)
        return AddressChange(changed=True, email=link.email)

    async def delete(self, viewer: Viewer, password: str | None) -> None:
        """Delete the viewer's account and all that is theirs.

        Raises Invalid, LastSuperuser, ProofNeeded, Unauthenticated, TooMany, Busy.
        """
        asking = await self._accounts.confirm_owner(viewer, password)
        user = await locked(self.users, self.tokens, viewer)
        if user.is_superuser and not await self.users.another_superuser(user.id):
            raise LastSuperuser
        await self.users.remove(user.id)
        await forget(self.work, user.id)
        self.work.publish(UserDeleted(user.id))
        await self._post.deleted(asking.email)

    async def look_at(self, secret: str, *purposes: Purpose) -> Followed:
        """A link that is good for this, without following it. Raises DeadLink, TooMany."""
        await self._guards.links.follow(secret)
        link = await live_link.one(self._reader, digest=digest_of_secret(secret))
        if link is None or link.purpose not in purposes:
            raise DeadLink
        return link

    async def look_at_joining(self, secret: str) -> Joining:
        """A link to join by that is good, without following it. Raises DeadLink, TooMany."""
        await self._guards.links.follow(secret)
        digest = digest_of_secret(secret)
        link = await link_to_join.one(self._reader, digest=digest) or await invited.one(self._reader, digest=digest)
        if link is None:
            raise DeadLink
        return link

    async def _take(self, secret: str, *purposes: Purpose) -> tuple[Link, User]:
        """The link, which is used up by this, and its user, locked; by it the address that they have is confirmed."""
        link = await self.links.take(digest_of_secret(secret), *purposes)
        user = None if link is None else await self.users.for_change(link.user_id)
        if link is None or user is None:
            raise DeadLink
        if user.email == link.email and user.email_verified_at is None:
            user.email_verified_at = datetime.now(UTC)
        return link, user


def _mailed(purpose: Purpose) -> Mailed:
    return Mailed(good_for=int(LIFETIMES[purpose].total_seconds()))


def provide_links(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> LinkService:
    """The verbs over a request's unit of work."""
    accounts, guards = provide_accounts(work, state, scope), Guards(Throttle(state.database, scope), state)
    return LinkService(accounts, state.database.reader(work.viewer), state.resources.mailer, guards)
