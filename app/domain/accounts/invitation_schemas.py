"""What the API of invitations is told and says."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from app.domain.accounts.permission_schemas import GroupName
from app.domain.accounts.schemas import Email, Username
from app.kit.schema import Input, Moment, Output

Groups = Annotated[list[UUID], Meta(max_length=20, description="Ids of groups that they are to be in", examples=[[]])]


class NewInvitation(Input):
    """Who is invited, and into which groups."""

    email: Email
    groups: Groups = field(default_factory=list)


class InvitationOut(Output):
    """An invitation: `inviter` is null where it was sent on the command line, `userId` until somebody came by it.

    Nobody can come by it from `expiresAt` on; it is listed for thirty days more.
    """

    id: UUID
    email: Email
    groups: list[GroupName]
    inviter: Username | None
    created_at: Moment
    expires_at: Moment
    accepted_at: Moment | None
    user_id: UUID | None
