"""Groups at the admin site."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from adminsite import Field
from adminsite.database import SessionAdapter
from adminsite.fields import ComputedField, EnumField, StringField
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.accounts.admin.choices import DECLARED, PERMISSIONS
from app.domain.accounts.models import Group, GroupPermission, Membership
from app.domain.accounts.permission_schemas import NewGroup
from app.domain.accounts.permission_services import GroupChanges, PermissionService
from app.domain.accounts.policies import MANAGE_PERMISSIONS
from app.platform.admin.inputs import as_input
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.database.work import UnitOfWork


async def members_of(session: SessionAdapter, groups: Sequence[Group]) -> dict[UUID, int]:
    """How many users are in each group."""
    rows = select(Membership.group_id, func.count()).where(Membership.group_id.in_([one.id for one in groups]))
    return {row[0]: row[1] for row in (await session.execute(rows.group_by(Membership.group_id))).all()}


async def permits(session: SessionAdapter, groups: Sequence[Group]) -> dict[UUID, str]:
    """What the members of each group may."""
    rows = select(GroupPermission.group_id, func.string_agg(GroupPermission.permission, ", "))
    rows = rows.where(GroupPermission.group_id.in_([one.id for one in groups])).group_by(GroupPermission.group_id)
    return {row[0]: row[1] for row in (await session.execute(rows)).all()}


class GroupAdmin(ModelAdmin[Group]):
    """Users who may the same. Who is in one is said on the page of the user."""

    access = Access(MANAGE_PERMISSIONS, MANAGE_PERMISSIONS, MANAGE_PERMISSIONS, MANAGE_PERMISSIONS)
    group = "Accounts"
    fields = (
        StringField(Group.name),
        EnumField("permissions", choices=PERMISSIONS, multiple=True, form_only=True, required=False),
        ComputedField("permits", label="Permissions", load=permits),
        ComputedField("members", load=members_of, default=0),
        Field(Group.created_at, read_only=True, exclude_from_create=True),
    )
    record_title = "{name}"
    searchable_fields = (Group.name,)
    belonging = (("permissions", GroupPermission.group_id),)
    schema = NewGroup

    async def besides(self, session: AsyncSession, record: Group | None) -> Mapping[str, Any]:
        """What its members may, of all that can be given."""
        if record is None:
            return {}
        given = select(GroupPermission.permission).where(GroupPermission.group_id == record.id)
        given = given.where(GroupPermission.permission.in_(DECLARED)).order_by(GroupPermission.permission)
        return {"permissions": list(await session.scalars(given))}

    async def create(self, work: UnitOfWork, values: dict[str, Any]) -> Group:
        """As over the API."""
        new = as_input(NewGroup, values)
        made = await PermissionService(work, DECLARED).create_group(work.viewer, new.name, new.permissions)
        return Group(id=made.id)

    async def change(self, work: UnitOfWork, record: Group, changes: dict[str, Any]) -> None:
        """As over the API; a permission that no module declares any more is not on the form, and stays."""
        permissions = PermissionService(work, DECLARED)
        if "permissions" in changes:
            before, after = set((await self.besides(work.session, record))["permissions"]), set(changes["permissions"])
            await permissions.adjust_group(work.viewer, record.id, add=after - before, strip=before - after)
        if "name" in changes:
            await permissions.change_group(work.viewer, record.id, GroupChanges(name=changes["name"] or ""))

    async def remove(self, work: UnitOfWork, record: Group) -> None:
        """As over the API."""
        await PermissionService(work, DECLARED).delete_group(work.viewer, record.id)
