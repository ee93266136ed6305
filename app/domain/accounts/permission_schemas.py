"""What the API of groups, grants and users is told and says."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from app.domain.accounts.schemas import DisplayName, Email, Username
from app.kit.schema import Input, Moment, Output, example, text

PermissionName = Annotated[str, Meta(max_length=100, examples=["accounts.manage_users"])]
PermissionNames = Annotated[list[PermissionName], Meta(max_length=1_000, examples=[["accounts.manage_users"]])]
GroupName = Annotated[str, text(100, "Editors")]


class PermissionOut(Output):
    """What somebody can be granted; `held`: whether one holds it oneself, and so may pass it on."""

    name: PermissionName
    meaning: Annotated[str, example("see all users, let them in and keep them out")]
    held: bool


class PermissionList(Output):
    """What there is to be granted."""

    items: list[PermissionOut]


class OwnPermissions(Output):
    """What the presented token is good for, beside what needs no permission."""

    permissions: PermissionNames


class NewGroup(Input):
    """A group to be; its members come one by one."""

    name: GroupName
    permissions: PermissionNames = field(default_factory=list)


class ChangeGroup(Input):
    """What is different about a group; what is left out stays. The permissions are all that it has from now on."""

    name: GroupName | UnsetType = UNSET
    permissions: PermissionNames | UnsetType = UNSET


class GroupOut(Output):
    """A group, and what its members may."""

    id: UUID
    name: GroupName
    permissions: PermissionNames
    created_at: Moment


class Member(Output):
    """A user in a group."""

    id: UUID
    username: Username


class Holder(Output):
    """A user, as they are known to whoever says what users may."""

    id: UUID
    username: Username
    is_active: Annotated[bool, example(value=True)]
    is_staff: bool
    is_superuser: bool


class GroupBrief(Output):
    """A group by its name."""

    id: UUID
    name: GroupName


class Held(Output):
    """A permission that a user has, and whence.

    `meaning` is null where no module declares it any more: it grants nothing. `granted`: without any group.
    """

    name: PermissionName
    meaning: Annotated[str, example("see all users, let them in and keep them out")] | None
    granted: bool
    groups: list[GroupBrief]


class Holding(Output):
    """A user and what they may: a superuser everything, whatever they are granted; who is not active nothing."""

    user: Holder
    held: list[Held]


class ManagedUser(Output):
    """A user, as they are known to whoever lets them in."""

    id: UUID
    username: Username
    email: Email
    display_name: DisplayName | None
    is_active: Annotated[bool, example(value=True)]
    is_staff: bool
    is_superuser: bool
    created_at: Moment


class ChangeStanding(Input):
    """What is different about a user's standing; what is left out stays."""

    is_active: bool | UnsetType = UNSET
    is_staff: bool | UnsetType = UNSET
    is_superuser: bool | UnsetType = UNSET
