"""What accounts holds of a user besides the account itself, for whoever wants to have all of it."""

from uuid import UUID

from sqlalchemy import Select, or_

from app.domain.accounts.link_queries import links_of, tokens_of
from app.domain.accounts.models import Group, Invitation, Membership, Passkey
from app.domain.accounts.openid_queries import identities_of
from app.domain.accounts.permission_queries import ways_of
from app.domain.accounts.permission_schemas import GroupBrief
from app.domain.accounts.queries import second_factors
from app.domain.accounts.schemas import AccountsShare, InvitationShare, PasskeyShare
from app.kit.errors import found
from app.platform.database.work import Source
from app.platform.statements.query import query
from app.platform.statements.shape import Shape


@query(Shape(InvitationShare, Invitation))
def invitations_of(q: Select, *, user: UUID) -> Select:
    """Those that a user sent, and the one that they came by, the newest first."""
    return q.where(or_(Invitation.inviter_id == user, Invitation.user_id == user)).order_by(Invitation.id.desc())


@query(Shape(PasskeyShare, Passkey))
def held_passkeys(q: Select, *, user: UUID) -> Select:
    """A user's passkeys, the newest first."""
    return q.where(Passkey.user_id == user).order_by(Passkey.id.desc())


@query(Shape(GroupBrief, Group))
def groups_of(q: Select, *, user: UUID) -> Select:
    """The groups that a user is in, the newest first."""
    return (
        q.join(Membership, Membership.group_id == Group.id).where(Membership.user_id == user).order_by(Group.id.desc())
    )


async def share_of(source: Source, user: UUID) -> AccountsShare:
    """What the user is signed in by, and what they may, without any secret. Raises NotFound."""
    factors = found(await second_factors.one(source, user=user), "user")
    return AccountsShare(
        tokens=await tokens_of.all(source, user=user),
        links=await links_of.all(source, user=user),
        invitations=await invitations_of.all(source, user=user),
        totp=factors.totp,
        recovery_codes_left=factors.recovery_codes_left,
        passkeys=await held_passkeys.all(source, user=user),
        identities=await identities_of.all(source, user=user),
        groups=[group.name for group in await groups_of.all(source, user=user)],
        permissions=[way.permission for way in await ways_of.all(source, user=user) if way.group_id is None],
    )
