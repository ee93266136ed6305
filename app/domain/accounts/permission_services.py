"""The verbs by which it is said who may what: groups, their members, and grants to users."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import UNSET, Struct, UnsetType

from app.domain.accounts.models import Group, User
from app.domain.accounts.names import display_name_faults, username_form
from app.domain.accounts.permission_queries import group_by_id, group_by_name
from app.domain.accounts.permission_repositories import GroupRepository
from app.domain.accounts.permission_schemas import GroupOut
from app.domain.accounts.policies import MANAGE_PERMISSIONS, require_another, require_held
from app.domain.accounts.queries import authority
from app.domain.accounts.repositories import UserRepository
from app.kit.errors import Invalid, NotFound, Unauthenticated, Violation, found, inside, require
from app.kit.identity import Permission, Viewer
from app.platform.database.work import Service, Source, UnitOfWork, repository
from app.platform.module import declared


class GroupChanges(Struct, frozen=True):
    """What a group should be called, and all that it should permit; UNSET stays as it is."""

    name: str | UnsetType = UNSET
    permissions: Collection[str] | UnsetType = UNSET


class PermissionService(Service):
    """What those do who say what others may.

    Each verb raises NotHeld where the viewer does not hold what is given or taken, OwnAccount where it is to or from
    themselves, and NotFound.
    """

    groups = repository(GroupRepository)
    users = repository(UserRepository)

    def __init__(self, work: UnitOfWork, grantable: Mapping[str, Permission]) -> None:
        """`grantable`: what the modules declare, by name."""
        super().__init__(work)
        self.grantable = grantable

    async def create_group(self, viewer: Viewer, name: str, permissions: Collection[str] = ()) -> GroupOut:
        """Make a group. Raises Invalid with all that is wrong; the database refuses a name that is taken."""
        name = self._checked(name, permissions)
        require_held(await self._now(viewer), permissions)
        group = await self.groups.add(Group(name=name))
        await self.groups.permit(group.id, permissions)
        return await self._shown(group.id)

    async def change_group(self, viewer: Viewer, group: UUID, changes: GroupChanges) -> GroupOut:
        """Rename a group, or say anew what its members may. Raises as `create_group` does."""
        known, before = await self._held(group)
        viewer = await self._now(viewer)
        after = before if changes.permissions is UNSET else set(changes.permissions)
        name = known.name if changes.name is UNSET else changes.name
        # What no module declares any more may stay, so that a list can be sent back as it came.
        known.name = self._checked(name, () if changes.permissions is UNSET else changes.permissions, besides=before)
        require_held(viewer, before ^ after)
        await self.groups.permit(group, after - before)
        await self.groups.forbid(group, before - after)
        return await self._shown(group)

    async def adjust_group(
        self, viewer: Viewer, group: UUID, *, add: Collection[str] = (), strip: Collection[str] = ()
    ) -> GroupOut:
        """Give permissions to a group and take others from it, whatever else it has; what it is given twice it has.

        Raises as `change_group` does, and NotFound where it has not all that is taken.
        """
        _, before = await self._held(group)
        if not before.issuperset(strip):
            raise NotFound("permission")
        after = [name for name in (*sorted(before), *add) if name not in strip]
        return await self.change_group(viewer, group, GroupChanges(permissions=after))

    async def delete_group(self, viewer: Viewer, group: UUID) -> None:
        """Remove a group: its members lose what they had by it."""
        known, permissions = await self._held(group)
        require_held(await self._now(viewer), permissions)
        await self.groups.remove(known)

    async def add_member(self, viewer: Viewer, group: UUID, user: UUID) -> None:
        """Put a user into a group; saying it again changes nothing."""
        await self._membership(viewer, group, user)
        await self.groups.join(group, user)

    async def remove_member(self, viewer: Viewer, group: UUID, user: UUID) -> None:
        """Take a user out of a group. Raises NotFound for who is not in it, too."""
        await self._membership(viewer, group, user)
        if not await self.groups.leave(group, user):
            raise NotFound("member")

    async def _membership(self, viewer: Viewer, group: UUID, user: UUID) -> None:
        require_another(viewer, await self._user(user))
        _, permissions = await self._held(group)
        require_held(await self._now(viewer), permissions)

    async def _held(self, group: UUID) -> tuple[Group, set[str]]:
        """The group, locked, and what its members may. What the viewer may is read after it: a lock can take long."""
        return found(await self.groups.for_change(group), "group"), await self.groups.permissions(group)

    async def grant(self, viewer: Viewer, user: UUID, permission: str) -> None:
        """Let a user do something without any group; saying it again changes nothing."""
        require_another(viewer, await self._user(user))
        found(self.grantable.get(permission), "permission")
        require_held(await self._now(viewer), [permission])
        await self.groups.grant(user, permission)

    async def revoke(self, viewer: Viewer, user: UUID, permission: str) -> None:
        """Take back what a user was granted; what they have by groups stays. Raises NotFound where they were not."""
        require_another(viewer, await self._user(user))
        require_held(await self._now(viewer), [permission])
        if not await self.groups.revoke(user, permission):
            raise NotFound("permission")

    async def group_named(self, name: str) -> GroupOut:
        """The group of this name. Raises NotFound."""
        return found(await group_by_name.one(self.work, name=_form(name)), "group")

    async def user_named(self, name: str) -> UUID:
        """The id of the user of this name. Raises NotFound."""
        return found(await self.users.for_change_by_name(username_form(name)), "user").id

    async def _now(self, viewer: Viewer) -> Viewer:
        """The viewer as they stand now, who may manage permissions."""
        viewer = await as_of_now(self.work, viewer)
        require(viewer.may(MANAGE_PERMISSIONS), "permission")
        return viewer

    async def _user(self, user: UUID) -> User:
        return found(await self.users.for_change(user), "user")

    async def _shown(self, group: UUID) -> GroupOut:
        return found(await group_by_id.one(self.work, group=group), "group")

    def _checked(self, name: str, permissions: Collection[str], besides: Collection[str] = ()) -> str:
        name = _form(name)
        if violations := [*_name_violations(name), *self._unknown(permissions, besides)]:
            raise Invalid.of(violations)
        return name

    def _unknown(self, permissions: Collection[str], besides: Collection[str]) -> Iterator[Violation]:
        for number, name in enumerate(permissions):
            if name not in self.grantable and name not in besides:
                yield Violation(inside("/permissions", str(number)), "unknown", "must be names of permissions")


async def as_of_now(source: Source, viewer: Viewer) -> Viewer:
    """The viewer as they stand now: known for a second, they may have lost what they would leave to others.

    The token limits them as before. Who has no id is no user, and stays who they are. Raises Unauthenticated.
    """
    if viewer.id is None:
        return viewer
    now = await authority.one(source, user=viewer.id)
    if now is None:
        raise Unauthenticated("token", "is invalid")
    return Viewer(viewer.id, viewer.credential, frozenset(now.permissions), now.is_superuser, viewer.scopes)


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _name_violations(name: str) -> Iterator[Violation]:
    if not name:
        yield Violation("/name", "blank", "can't be blank")
    for code, text in display_name_faults(name):
        yield Violation("/name", code, text)


def provide_grantable(state: State) -> Mapping[str, Permission]:
    """What the installed modules declare, by name."""
    return declared(state.modules)


def provide_permissions(work: NamedDependency[UnitOfWork], state: State) -> PermissionService:
    """The verbs over a request's unit of work."""
    return PermissionService(work, declared(state.modules))
