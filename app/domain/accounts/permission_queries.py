"""What leaves accounts about groups, what users may and whence, and users as those see them who manage them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ARRAY, Select, Text, Uuid, cast, func, null, select, union_all

from app.domain.accounts.models import Grant, Group, GroupPermission, Membership, User
from app.domain.accounts.permission_schemas import GroupBrief, GroupOut, Held, Holder, Holding, ManagedUser, Member
from app.kit.errors import found
from app.kit.identity import Permission
from app.platform.database.work import Source
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

of_group = select(GroupPermission.permission).where(GroupPermission.group_id == Group.id).correlate(Group)
permissions = func.array(of_group.order_by(GroupPermission.permission).scalar_subquery(), type_=ARRAY(Text()))
group = Shape(GroupOut, Group, permissions=permissions)


@query(group, page=by(Group.id.desc()))
def newest_groups(q: Select) -> Select:
    """All groups, the newest first."""
    return q


@query(group)
def group_by_id(q: Select, *, group: UUID) -> Select:
    """A group."""
    return q.where(Group.id == group)


@query(group)
def group_by_name(q: Select, *, name: str) -> Select:
    """The group of this name; upper and lower case are the same."""
    return q.where(func.lower(Group.name) == func.lower(name))


@query(Shape(Member, Membership, id=Membership.user_id, username=User.username), page=by(Membership.user_id.desc()))
def members_of(q: Select, *, group: UUID) -> Select:
    """The users in a group, those who signed up last first."""
    return q.join(User, User.id == Membership.user_id).where(Membership.group_id == group)


def named(q: Select, username: str | None) -> Select:
    """The users of this name, upper and lower case being the same; all where there is none."""
    return q if username is None else q.where(func.lower(User.username) == func.lower(username))


@query(Shape(Holder, User), page=by(User.id.desc()))
def holders(q: Select, *, username: str | None = None) -> Select:
    """All users, the newest first; or the one of this name."""
    return named(q, username)


@query(Shape(Holder, User))
def holder(q: Select, *, user: UUID) -> Select:
    """A user."""
    return q.where(User.id == user)


@query(Shape(ManagedUser, User), page=by(User.id.desc()))
def newest_users(q: Select, *, username: str | None = None) -> Select:
    """All users, the newest first; or the one of this name."""
    return named(q, username)


@query(Shape(ManagedUser, User))
def user_by_id(q: Select, *, user: UUID) -> Select:
    """A user."""
    return q.where(User.id == user)


class Way(Struct, frozen=True, gc=False):
    """One way by which a user has a permission: a group, or none where it is granted to them alone."""

    permission: str
    group_id: UUID | None
    group_name: str | None


of_user = select(
    Grant.user_id,
    Grant.permission,
    cast(null(), Uuid).label("group_id"),
    cast(null(), Text).label("group_name"),
)
by_group = (
    select(Membership.user_id, GroupPermission.permission, Group.id, Group.name)
    .join(Group, Group.id == Membership.group_id)
    .join(GroupPermission, GroupPermission.group_id == Group.id)
)
ways = union_all(of_user, by_group).subquery("ways")


@query(Shape(Way, ways))
def ways_of(q: Select, *, user: UUID) -> Select:
    """Every way by which a user has a permission, in the order of the groups' names."""
    return q.where(ways.c.user_id == user).order_by(ways.c.permission, ways.c.group_name)


async def holding_of(source: Source, user: UUID, declared: Mapping[str, Permission]) -> Holding:
    """A user, and what they may. Raises NotFound."""
    known = found(await holder.one(source, user=user), "user")
    return Holding(known, held_by(known, await ways_of.all(source, user=user), declared))


def held_by(user: Holder, ways: Sequence[Way], declared: Mapping[str, Permission]) -> list[Held]:
    """The permissions of these ways, in the order of their declaration; a superuser's are all that are declared."""
    names = {way.permission for way in ways}
    known = [name for name in declared if user.is_superuser or name in names]
    return [
        Held(
            name,
            declared[name].meaning if name in declared else None,
            any(way.permission == name and way.group_id is None for way in ways),
            [_brief(way) for way in ways if way.permission == name and way.group_id is not None],
        )
        for name in (*known, *sorted(names - set(declared)))
    ]


def _brief(way: Way) -> GroupBrief:
    return GroupBrief(found(way.group_id, "group"), way.group_name or "")
