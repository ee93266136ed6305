"""The doors of those who manage users."""

from uuid import UUID

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec.structs import asdict

from app.domain.accounts.permission_controllers import Name
from app.domain.accounts.permission_queries import newest_users, user_by_id
from app.domain.accounts.permission_schemas import ChangeStanding, ManagedUser
from app.domain.accounts.policies import MANAGE_USERS, OwnAccount
from app.domain.accounts.user_services import Standing, UserService
from app.kit.errors import found
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader
from app.platform.handlers import get, patch
from app.platform.page_parameters import Cursor, Limit


class ManagedUserController(Controller):
    """Users, for those who manage them."""

    path = "/users"

    @get(permission=MANAGE_USERS)
    async def list_users(
        self, reader: NamedDependency[Reader], username: Name = None, limit: Limit = 20, after: Cursor = None
    ) -> Slice[ManagedUser]:
        """List all users, the newest first."""
        return await newest_users.after(reader, After(limit, after), username=username)

    @get("/{user_id:uuid}", permission=MANAGE_USERS)
    async def read_managed_user(self, user_id: FromPath[UUID], reader: NamedDependency[Reader]) -> ManagedUser:
        """Read one user."""
        return found(await user_by_id.one(reader, user=user_id), "user")

    @patch("/{user_id:uuid}", permission=MANAGE_USERS, forgets_viewers=True, refuses=(OwnAccount,))
    async def change_standing(
        self,
        user_id: FromPath[UUID],
        data: JSONBody[ChangeStanding],
        viewer: NamedDependency[Viewer],
        users: NamedDependency[UserService],
    ) -> ManagedUser:
        """Change a user's standing.

        What is left out stays. Who is not active any more is signed out everywhere. Superusers alone, by a token that
        is not limited, change a superuser, and say who is staff or a superuser.
        """
        return await users.change(viewer, user_id, Standing(**asdict(data)))
