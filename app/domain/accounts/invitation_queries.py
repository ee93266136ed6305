"""What leaves accounts about invitations, and what is read before one is accepted."""

from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, func, select

from app.domain.accounts.invitation_schemas import InvitationOut
from app.domain.accounts.link_queries import Joining
from app.domain.accounts.models import Group, Invitation, InvitationGroup, User
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

names = (
    select(Group.name)
    .join(InvitationGroup, InvitationGroup.group_id == Group.id)
    .where(InvitationGroup.invitation_id == Invitation.id)
    .correlate(Invitation)
    .order_by(Group.name)
)
groups = func.array(names.scalar_subquery(), type_=ARRAY(Text()))
invitation = Shape(InvitationOut, Invitation, groups=groups, inviter=User.username)


@query(invitation, page=by(Invitation.id.desc()))
def newest_invitations(q: Select) -> Select:
    """All invitations, the newest first."""
    return q.outerjoin(User, User.id == Invitation.inviter_id)


@query(invitation)
def invitation_by_id(q: Select, *, invitation: UUID) -> Select:
    """An invitation."""
    return q.outerjoin(User, User.id == Invitation.inviter_id).where(Invitation.id == invitation)


@query(Shape(Joining, Invitation))
def invited(q: Select, *, digest: bytes) -> Select:
    """The invitation with this digest, if one can still join by it."""
    return q.where(Invitation.digest == digest, Invitation.accepted_at.is_(None), Invitation.expires_at > func.now())
