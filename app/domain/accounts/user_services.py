"""The verbs by which users are let in, kept out and raised above others."""

from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from app.domain.accounts.attempts import account_key
from app.domain.accounts.links import Purpose
from app.domain.accounts.mails import Post
from app.domain.accounts.models import Token, User
from app.domain.accounts.names import username_form
from app.domain.accounts.permission_queries import user_by_id
from app.domain.accounts.permission_schemas import ManagedUser
from app.domain.accounts.permission_services import as_of_now
from app.domain.accounts.policies import MANAGE_USERS, LastSuperuser, may_admit, may_do_everything, require_another
from app.domain.accounts.repositories import TokenRepository, UserRepository
from app.domain.accounts.schemas import SignUp
from app.domain.accounts.services import AccountService
from app.kit.errors import found, require
from app.kit.identity import Viewer
from app.platform.database.work import Service, repository
from app.platform.ratelimit import forget


class Standing(Struct, frozen=True):
    """What is different about a user's standing; UNSET stays as it is."""

    is_active: bool | UnsetType = UNSET
    is_staff: bool | UnsetType = UNSET
    is_superuser: bool | UnsetType = UNSET


IN_BODIES = {"is_active": "isActive", "is_staff": "isStaff", "is_superuser": "isSuperuser"}


class UserService(Service):
    """What those do who manage users."""

    users = repository(UserRepository)
    tokens = repository(TokenRepository)

    async def change(self, viewer: Viewer, user: UUID, standing: Standing) -> ManagedUser:
        """Change another's standing; who is not active any more is signed out everywhere.

        One who changes a superuser is one, and remains it: that there is always one left needs no count of them.
        Raises NotFound, OwnAccount, and Forbidden naming the field.
        """
        locked = {one.id: one for one in await self.users.for_changes([user, viewer.id])}
        viewer = await as_of_now(self.work, viewer)
        known = found(locked.get(user), "user")
        require_another(viewer, known)
        given = {field: value for field, value in asdict(standing).items() if value is not UNSET}
        for field in given:
            allowed = may_admit(viewer, known) if field == "is_active" else may_do_everything(viewer)
            require(allowed, IN_BODIES[field])
        await self._set(known, given)
        return found(await user_by_id.one(self.work, user=user), "user")

    async def enrol(self, viewer: Viewer, accounts: AccountService, new: SignUp) -> UUID:
        """Make a user for somebody else to be, over the same unit of work. Raises as `sign_up` does, and Forbidden."""
        made = await accounts.create(new.username, new.email, new.password)  # hashed before the first statement
        require((await as_of_now(self.work, viewer)).may(MANAGE_USERS), "user")
        return made

    async def sign_out(self, viewer: Viewer, user: UUID) -> None:
        """End all tokens and sessions of a user. Raises NotFound, Forbidden."""
        known = found(await self.users.for_change(user), "user")
        require(may_admit(await as_of_now(self.work, viewer), known), "user")
        await self.tokens.end_all(user)

    async def end(self, viewer: Viewer, token: Token) -> None:
        """End one token, or session, of a user. Raises NotFound, Forbidden."""
        known = found(await self.users.for_change(token.user_id), "user")
        require(may_admit(await as_of_now(self.work, viewer), known), "token")
        await self.tokens.end_any(token.id)

    async def mail_reset(self, viewer: Viewer, user: UUID, post: Post) -> None:
        """Mail a user a link by which to choose a new password. Raises NotFound, Forbidden."""
        known = found(await self.users.for_change(user), "user")
        require((await as_of_now(self.work, viewer)).may(MANAGE_USERS), "user")
        await post.link_to(known.email, Purpose.RESET)

    async def activate(self, username: str) -> None:
        """Let the user of this name in again. Raises NotFound."""
        await self._set(await self._named(username), {"is_active": True})

    async def deactivate(self, username: str) -> None:
        """Keep the user of this name out, and sign them out everywhere. Raises NotFound, LastSuperuser."""
        user = await self._named(username)
        if user.is_active and user.is_superuser and not await self.users.another_superuser(user.id):
            raise LastSuperuser
        await self._set(user, {"is_active": False})

    async def unlock(self, username: str) -> int:
        """Forget the failed sign-ins to this user's account; how many counts there were. Raises NotFound."""
        return await forget(self.work, account_key((await self._named(username)).email))

    async def _set(self, user: User, given: dict[str, bool]) -> None:
        for field, value in given.items():
            setattr(user, field, value)
        if not user.is_active:
            await self.tokens.end_all(user.id)

    async def _named(self, username: str) -> User:
        return found(await self.users.for_change_by_name(username_form(username)), "user")
