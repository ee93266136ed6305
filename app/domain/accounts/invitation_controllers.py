"""The doors of those who bring others in."""

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.domain.accounts.invitation_queries import invitation_by_id, newest_invitations
from app.domain.accounts.invitation_schemas import InvitationOut, NewInvitation
from app.domain.accounts.invitation_services import InvitationService
from app.domain.accounts.policies import MANAGE_USERS, NotHeld
from app.domain.accounts.session_controllers import PATH
from app.kit.errors import Conflict, TooMany, found
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post
from app.platform.page_parameters import Cursor, Limit


class InvitationController(Controller):
    """Invitations: links to join by that somebody has mailed to others."""

    path = "/invitations"

    @get(permission=MANAGE_USERS)
    async def list_invitations(
        self, reader: NamedDependency[Reader], limit: Limit = 20, after: Cursor = None
    ) -> Slice[InvitationOut]:
        """List the invitations, the newest first."""
        return await newest_invitations.after(reader, After(limit, after))

    @post(permission=MANAGE_USERS, refuses=(Conflict, NotHeld, TooMany))
    async def invite_user(
        self,
        data: JSONBody[NewInvitation],
        viewer: NamedDependency[Viewer],
        invitations: NamedDependency[InvitationService],
    ) -> Response[InvitationOut]:
        """Invite somebody by mail.

        The link takes the place of an earlier one to the address, and is good for as long as whoever sends it could
        send it. Into groups, only by who may manage permissions and holds all that the groups give.
        """
        made = await invitations.invite(viewer, data.email, data.groups)
        return Response(made, headers={"Location": f"{PATH}/invitations/{made.id}"})

    @get("/{invitation_id:uuid}", permission=MANAGE_USERS)
    async def read_invitation(self, invitation_id: FromPath[UUID], reader: NamedDependency[Reader]) -> InvitationOut:
        """Read an invitation."""
        return found(await invitation_by_id.one(reader, invitation=invitation_id), "invitation")

    @delete("/{invitation_id:uuid}", permission=MANAGE_USERS, refuses=(Conflict,))
    async def revoke_invitation(
        self, invitation_id: FromPath[UUID], invitations: NamedDependency[InvitationService]
    ) -> None:
        """Take an invitation back.

        Its link is no good any more. One that was accepted is refused.
        """
        await invitations.revoke(invitation_id)
