"""What changes invitations."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Uuid, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from app.domain.accounts.models import Invitation, InvitationGroup, Membership
from app.platform.database.model import Repository


class InvitationRepository(Repository[Invitation]):
    """Invitations, with the groups that they lead into."""

    model_type = Invitation

    async def send(self, invitation: Invitation, groups: Collection[UUID]) -> Invitation:
        """Keep it, in place of an open one to the same address, whose link is no good from then on."""
        same = func.lower(Invitation.email) == func.lower(invitation.email)
        await self.session.execute(delete(Invitation).where(same, Invitation.accepted_at.is_(None)))
        made = await self.add(invitation)
        if groups:
            rows = [{"invitation_id": made.id, "group_id": group} for group in sorted(groups)]
            await self.session.execute(insert(InvitationGroup).values(rows))
        return made

    async def revoke(self, invitation: UUID) -> bool:
        """Remove one that is open; whether there was one."""
        gone = delete(Invitation).where(Invitation.id == invitation, Invitation.accepted_at.is_(None))
        return await self.session.scalar(gone.returning(Invitation.id)) is not None

    async def forget_expired(self, age: timedelta) -> None:
        """Remove what has been expired for so long."""
        is_old = Invitation.expires_at < func.now() - age
        await self.session.execute(delete(Invitation).where(Invitation.accepted_at.is_(None), is_old))

    async def open(self, digest: bytes) -> Invitation | None:
        """The one that can still be accepted, locked until the transaction ends."""
        good = (Invitation.digest == digest, Invitation.accepted_at.is_(None), Invitation.expires_at > func.now())
        return await self.session.scalar(select(Invitation).where(*good).with_for_update())

    async def groups(self, invitation: UUID) -> list[UUID]:
        """Where it leads, of the groups that there still are."""
        led = select(InvitationGroup.group_id).where(InvitationGroup.invitation_id == invitation)
        return list(await self.session.scalars(led))

    async def join_all(self, invitation: UUID, user: UUID) -> None:
        """Put a user into its groups."""
        led = select(InvitationGroup.group_id, literal(user, Uuid())).where(InvitationGroup.invitation_id == invitation)
        await self.session.execute(insert(Membership).from_select(["group_id", "user_id"], led))
