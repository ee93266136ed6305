"""What changes groups, their members and what users are granted."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.domain.accounts.models import Grant, Group, GroupPermission, Membership
from app.platform.database.model import Repository


class GroupRepository(Repository[Group]):
    """Groups, with what belongs to them."""

    model_type = Group

    async def for_change(self, group: UUID) -> Group | None:
        """The group, locked until the transaction ends: what its members may stays as it is read."""
        return await self.session.scalar(select(Group).where(Group.id == group).with_for_update(key_share=True))

    async def permissions(self, group: UUID) -> set[str]:
        """The names of what its members may."""
        return set(
            await self.session.scalars(select(GroupPermission.permission).where(GroupPermission.group_id == group))
        )

    async def all_for_change(self, groups: Collection[UUID]) -> dict[UUID, set[str]]:
        """Of those that there are, locked as above, what the members of each may."""
        which = select(Group.id).where(Group.id.in_(groups)).order_by(Group.id)
        given = {group: set[str]() for group in await self.session.scalars(which.with_for_update(key_share=True))}
        rows = select(GroupPermission.group_id, GroupPermission.permission).where(GroupPermission.group_id.in_(given))
        for group, permission in await self.session.execute(rows):
            given[group].add(permission)
        return given

    async def permit(self, group: UUID, permissions: Collection[str]) -> None:
        """Let its members do this as well."""
        if permissions:
            rows = [{"group_id": group, "permission": name} for name in sorted(permissions)]
            await self.session.execute(insert(GroupPermission).values(rows).on_conflict_do_nothing())

    async def forbid(self, group: UUID, permissions: Collection[str]) -> None:
        """Let its members do this no longer."""
        if permissions:
            of_group = delete(GroupPermission).where(GroupPermission.group_id == group)
            await self.session.execute(of_group.where(GroupPermission.permission.in_(permissions)))

    async def remove(self, group: Group) -> None:
        """Remove a group; its members go on without it."""
        await self.session.delete(group)

    async def join(self, group: UUID, user: UUID) -> None:
        """Put a user into it; saying it again changes nothing."""
        member = insert(Membership).values(group_id=group, user_id=user)
        await self.session.execute(member.on_conflict_do_nothing())

    async def leave(self, group: UUID, user: UUID) -> bool:
        """Take a user out of it; whether they were in it."""
        return await self._gone(delete(Membership).where(Membership.group_id == group, Membership.user_id == user))

    async def grant(self, user: UUID, permission: str) -> None:
        """Let a user do this by themselves; saying it again changes nothing."""
        await self.session.execute(insert(Grant).values(user_id=user, permission=permission).on_conflict_do_nothing())

    async def revoke(self, user: UUID, permission: str) -> bool:
        """Take a grant back; whether there was one."""
        return await self._gone(delete(Grant).where(Grant.user_id == user, Grant.permission == permission))

    async def _gone(self, statement: Any) -> bool:
        ended: Any = await self.session.execute(statement)
        return ended.rowcount > 0
