"""The doors of those who say what others may: groups, their members, and grants to users."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from app.domain.accounts.permission_queries import group_by_id, holders, holding_of, members_of, newest_groups
from app.domain.accounts.permission_schemas import (
    ChangeGroup,
    GroupOut,
    Holder,
    Holding,
    Member,
    NewGroup,
    OwnPermissions,
    PermissionList,
    PermissionOut,
)
from app.domain.accounts.permission_services import GroupChanges, PermissionService
from app.domain.accounts.policies import MANAGE_PERMISSIONS, NotHeld, OwnAccount
from app.domain.accounts.session_controllers import PATH
from app.kit.errors import Conflict, found
from app.kit.identity import Permission, Viewer
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, patch, post, put
from app.platform.page_parameters import Cursor, Limit
from app.platform.security import SIGNED_IN

Name = Annotated[str | None, QueryParameter(max_length=64, description="Only the user of this name, in any case")]
Grantable = Mapping[str, Permission]
# Of the verbs that hand a permission to a user, or take it away.
HANDING: dict[str, Any] = {
    "permission": MANAGE_PERMISSIONS,
    "forgets_viewers": True,
    "refuses": (NotHeld, OwnAccount),
}


class PermissionController(Controller):
    """What there is to be granted, and what of it one may oneself."""

    @get("/permissions", permission=MANAGE_PERMISSIONS)
    async def list_permissions(
        self, viewer: NamedDependency[Viewer], grantable: NamedDependency[Grantable]
    ) -> PermissionList:
        """List what can be granted."""
        known = grantable.values()
        return PermissionList([PermissionOut(one.name, one.meaning, viewer.may(one)) for one in known])

    @get("/me/permissions", permission=SIGNED_IN)
    async def read_own_permissions(
        self, viewer: NamedDependency[Viewer], grantable: NamedDependency[Grantable]
    ) -> OwnPermissions:
        """Read what one may oneself, by the presented token."""
        return OwnPermissions([one.name for one in grantable.values() if viewer.may(one)])


class GroupController(Controller):
    """Groups: users who may the same."""

    path = "/groups"

    @get(permission=MANAGE_PERMISSIONS)
    async def list_groups(
        self, reader: NamedDependency[Reader], limit: Limit = 20, after: Cursor = None
    ) -> Slice[GroupOut]:
        """List the groups, the newest first."""
        return await newest_groups.after(reader, After(limit, after))

    @post(permission=MANAGE_PERMISSIONS, refuses=(Conflict, NotHeld))
    async def create_group(
        self,
        data: JSONBody[NewGroup],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> Response[GroupOut]:
        """Make a group."""
        made = await permissions.create_group(viewer, data.name, data.permissions)
        return Response(made, headers={"Location": f"{PATH}/groups/{made.id}"})

    @get("/{group_id:uuid}", permission=MANAGE_PERMISSIONS)
    async def read_group(self, group_id: FromPath[UUID], reader: NamedDependency[Reader]) -> GroupOut:
        """Read a group."""
        return found(await group_by_id.one(reader, group=group_id), "group")

    @patch("/{group_id:uuid}", permission=MANAGE_PERMISSIONS, forgets_viewers=True, refuses=(Conflict, NotHeld))
    async def change_group(
        self,
        group_id: FromPath[UUID],
        data: JSONBody[ChangeGroup],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> GroupOut:
        """Rename a group, or say anew what its members may.

        What is left out stays; the permissions that are given are all that it has.
        """
        return await permissions.change_group(viewer, group_id, GroupChanges(data.name, data.permissions))

    @delete("/{group_id:uuid}", permission=MANAGE_PERMISSIONS, forgets_viewers=True, refuses=(NotHeld,))
    async def delete_group(
        self,
        group_id: FromPath[UUID],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> None:
        """Remove a group.

        Its members lose what they had by it.
        """
        await permissions.delete_group(viewer, group_id)


class MemberController(Controller):
    """The members of a group."""

    path = "/groups/{group_id:uuid}/members"

    @get(permission=MANAGE_PERMISSIONS)
    async def list_members(
        self, group_id: FromPath[UUID], reader: NamedDependency[Reader], limit: Limit = 20, after: Cursor = None
    ) -> Slice[Member]:
        """List the members of a group, those who signed up last first."""
        members = await members_of.after(reader, After(limit, after), group=group_id)
        found(members.items or await group_by_id.one(reader, group=group_id), "group")
        return members

    @put("/{user_id:uuid}", status_code=204, **HANDING)
    async def add_member(
        self,
        group_id: FromPath[UUID],
        user_id: FromPath[UUID],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> None:
        """Put a user into a group."""
        await permissions.add_member(viewer, group_id, user_id)

    @delete("/{user_id:uuid}", **HANDING)
    async def remove_member(
        self,
        group_id: FromPath[UUID],
        user_id: FromPath[UUID],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> None:
        """Take a user out of a group."""
        await permissions.remove_member(viewer, group_id, user_id)


class HolderController(Controller):
    """Users, and what each of them may."""

    path = "/holders"

    @get(permission=MANAGE_PERMISSIONS)
    async def list_holders(
        self, reader: NamedDependency[Reader], username: Name = None, limit: Limit = 20, after: Cursor = None
    ) -> Slice[Holder]:
        """List those who can be granted something: all users, the newest first."""
        return await holders.after(reader, After(limit, after), username=username)

    @get("/{user_id:uuid}", permission=MANAGE_PERMISSIONS)
    async def read_holding(
        self, user_id: FromPath[UUID], reader: NamedDependency[Reader], grantable: NamedDependency[Grantable]
    ) -> Holding:
        """Read what a user may, and whence."""
        return await holding_of(reader, user_id, grantable)

    @put("/{user_id:uuid}/permissions/{name:str}", status_code=204, **HANDING)
    async def grant_permission(
        self,
        user_id: FromPath[UUID],
        name: FromPath[str],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> None:
        """Grant a permission to a user."""
        await permissions.grant(viewer, user_id, name)

    @delete("/{user_id:uuid}/permissions/{name:str}", **HANDING)
    async def revoke_permission(
        self,
        user_id: FromPath[UUID],
        name: FromPath[str],
        viewer: NamedDependency[Viewer],
        permissions: NamedDependency[PermissionService],
    ) -> None:
        """Take back a permission that a user was granted.

        What they have by a group stays.
        """
        await permissions.revoke(viewer, user_id, name)


PERMISSION_CONTROLLERS = [PermissionController, GroupController, MemberController, HolderController]
