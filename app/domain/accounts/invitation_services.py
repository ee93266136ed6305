"""The verbs of invitations: to send one, to take it back, and to come by it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.types import Scope

from app.domain.accounts.invitation_queries import invitation_by_id
from app.domain.accounts.invitation_repositories import InvitationRepository
from app.domain.accounts.invitation_schemas import InvitationOut
from app.domain.accounts.link_attempts import LinkAttempts
from app.domain.accounts.link_queries import who_has
from app.domain.accounts.links import LIFETIMES, DeadLink, Purpose, new_secret
from app.domain.accounts.mails import Post
from app.domain.accounts.models import Invitation
from app.domain.accounts.permission_repositories import GroupRepository
from app.domain.accounts.permission_services import as_of_now
from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS, OPERATOR, require_held
from app.domain.accounts.rules import checked
from app.domain.accounts.tokens import digest_of
from app.kit.errors import Conflict, Forbidden, Invalid, Unauthenticated, Violation, found, require
from app.kit.identity import Viewer
from app.platform.database.work import Service, UnitOfWork, repository
from app.platform.mail.mailer import Mailer
from app.platform.ratelimit import Throttle

SHOWN_EXPIRED = timedelta(days=30)


class InvitationService(Service):
    """What those do who bring others in.

    Who sends an invitation may manage users; into groups, may manage permissions, and holds all that those give. Both
    are asked anew when it is accepted: it is good for as long as whoever sent it could send it.
    """

    invitations = repository(InvitationRepository)
    groups = repository(GroupRepository)
    attempts: LinkAttempts | None = None  # counted for requests

    def __init__(self, work: UnitOfWork, mailer: Mailer) -> None:
        super().__init__(work)
        self._mailer = mailer

    async def invite(self, viewer: Viewer, address: str, groups: Sequence[UUID] = ()) -> InvitationOut:
        """Mail a link to join by, which takes the place of an earlier one to the same address.

        Raises Invalid, Conflict for an address that is a user's, Forbidden, NotHeld, TooMany, Busy.
        """
        self._mailer.require()
        email = checked(email=address)["email"]
        if self.attempts:
            await self.attempts.invite(email)
        await self._require_right(viewer, groups)
        if await who_has.one(self.work, email=email):
            raise Conflict("email", "is a user's already")
        secret, until = new_secret(), datetime.now(UTC) + LIFETIMES[Purpose.INVITE]
        new = Invitation(email=email, digest=digest_of(secret), inviter_id=viewer.id, expires_at=until)
        made = await self.invitations.send(new, set(groups))
        await Post(self._mailer, self.work).invitation(email, secret)
        return found(await invitation_by_id.one(self.work, invitation=made.id), "invitation")

    async def revoke(self, invitation: UUID) -> None:
        """Have nobody come by it. Raises NotFound; Conflict where somebody has."""
        if not await self.invitations.revoke(invitation):
            found(await invitation_by_id.one(self.work, invitation=invitation), "invitation")
            raise Conflict("invitation", "was accepted: who came by it is a user now")

    async def forget_expired(self) -> None:
        """Remove what nobody came by, thirty days after it expired: until then it can be seen, and sent anew."""
        await self.invitations.forget_expired(SHOWN_EXPIRED)

    async def accept(self, digest: bytes) -> Invitation:
        """The invitation of this link, for somebody who is to be made a user of. Raises DeadLink."""
        invitation = await self.invitations.open(digest)
        if invitation is None:
            raise DeadLink
        inviter = OPERATOR if invitation.inviter_id is None else Viewer(invitation.inviter_id)
        try:
            await self._require_right(inviter, await self.invitations.groups(invitation.id))
        except (Forbidden, Unauthenticated) as error:
            raise DeadLink from error
        return invitation

    async def welcome(self, invitation: Invitation, user: UUID) -> None:
        """Note who came by it, and put them into its groups."""
        invitation.user_id, invitation.accepted_at = user, datetime.now(UTC)
        await self.invitations.join_all(invitation.id, user)

    async def _require_right(self, viewer: Viewer, groups: Sequence[UUID]) -> None:
        """What the groups give is read under a lock, and what the viewer may after it: a lock can take long."""
        given = await self.groups.all_for_change(groups) if groups else {}
        if unknown := [number for number, group in enumerate(groups) if group not in given]:
            raise Invalid.of([Violation(f"/groups/{number}", "unknown", "must be a group's id") for number in unknown])
        viewer = await as_of_now(self.work, viewer)
        require(viewer.may(MANAGE_USERS), "invitation")
        if groups:
            require(viewer.may(MANAGE_PERMISSIONS), "groups")
            require_held(viewer, set().union(*given.values()))


def provide_invitations(work: NamedDependency[UnitOfWork], state: State, scope: Scope) -> InvitationService:
    """The verbs over a request's unit of work."""
    invitations = InvitationService(work, state.resources.mailer)
    invitations.attempts = LinkAttempts(Throttle(state.database, scope), state.settings)
    return invitations
