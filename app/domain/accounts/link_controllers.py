"""The doors of mailed links, and those that ask for one's password: another address, and the end of an account."""

from typing import Any

from litestar import Controller, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.link_schemas import (
    AddressChange,
    Farewell,
    FollowLink,
    Join,
    Mailed,
    NewAddress,
    ResetPassword,
    ShareOut,
    ToAddress,
)
from app.domain.accounts.link_services import LinkService
from app.domain.accounts.links import DeadLink, Purpose
from app.domain.accounts.policies import LastSuperuser
from app.domain.accounts.queries import account
from app.domain.accounts.schemas import SignedIn
from app.domain.accounts.session_controllers import ONCE, PATH, asked_first, shown_once
from app.kit.errors import Conflict, ProofNeeded, TooMany, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader
from app.platform.handlers import get, post
from app.platform.security import OF_GUARDED, PUBLIC, UNLIMITED


class LinkController(Controller):
    """Links: what is mailed, and then followed."""

    path = "/links"

    @post("/join", permission=PUBLIC, status_code=202, refuses=(TooMany,))
    async def mail_join(self, data: JSONBody[ToAddress], links: NamedDependency[LinkService]) -> Mailed:
        """Have a link mailed to sign up by.

        The answer is the same where somebody has this address already: that is told in the mail alone.
        """
        return await links.ask_to_join(data.email)

    @post("/join/follow", permission=PUBLIC, refuses=(Conflict, DeadLink, TooMany))
    async def join_by_link(self, data: JSONBody[Join], links: NamedDependency[LinkService]) -> Response[SignedIn]:
        """Sign up by a mailed link.

        Makes a user whose address is confirmed, and a token for them.
        """
        return shown_once(await links.join(data.token, data.username, data.password), f"{PATH}/me")

    @post("/verify", permission=UNLIMITED, status_code=202, refuses=(TooMany,))
    async def mail_verification(self, viewer: NamedDependency[Viewer], links: NamedDependency[LinkService]) -> Mailed:
        """Have a link mailed that confirms one's address.

        Whoever signs up gets one unasked. Where the address is confirmed already, none is sent.
        """
        return await links.ask_to_verify(viewer)

    @post("/verify/follow", permission=PUBLIC, status_code=204, refuses=(DeadLink, TooMany))
    async def verify_address(self, data: JSONBody[FollowLink], links: NamedDependency[LinkService]) -> None:
        """Confirm an address by the link that was mailed to it."""
        await links.verify(data.token)

    @post("/reset", permission=PUBLIC, status_code=202, refuses=(TooMany,))
    async def mail_reset(self, data: JSONBody[ToAddress], links: NamedDependency[LinkService]) -> Mailed:
        """Have a link mailed to choose a new password by.

        The answer is the same whether anybody has this address or not.
        """
        return await links.ask(data.email, Purpose.RESET)

    # Whose tokens it ends is not known before: everybody is asked for anew.
    @post("/reset/follow", permission=PUBLIC, status_code=204, forgets_viewers=True, refuses=(DeadLink, TooMany))
    async def reset_password(self, data: JSONBody[ResetPassword], links: NamedDependency[LinkService]) -> None:
        """Choose a new password by a mailed link.

        Ends all tokens of the user, and all other links; failed sign-ins that shut the account are forgotten.
        """
        await links.reset(data.token, data.password)

    @post("/sign-in", permission=PUBLIC, status_code=202, refuses=(TooMany,))
    async def mail_sign_in(self, data: JSONBody[ToAddress], links: NamedDependency[LinkService]) -> Mailed:
        """Have a link mailed to sign in by.

        The answer is the same whether anybody has this address or not.
        """
        return await links.ask(data.email, Purpose.SIGN_IN)

    @post("/sign-in/follow", permission=PUBLIC, refuses=(DeadLink, TooMany), accepted=SecondFactorAsked)
    async def sign_in_by_link(
        self, data: JSONBody[FollowLink], links: NamedDependency[LinkService]
    ) -> Response[SignedIn | SecondFactorAsked]:
        """Sign in by a mailed link.

        Makes a token, and confirms the address. Who has a second factor is asked for it, by 202.
        """
        made = await links.enter(data.token)
        return shown_once(made) if isinstance(made, SignedIn) else asked_first(made)

    @post("/change", permission=UNLIMITED, status_code=202, proof=OF_GUARDED, refuses=(ProofNeeded, TooMany))
    async def mail_change(
        self,
        data: JSONBody[NewAddress],
        viewer: NamedDependency[Viewer],
        links: NamedDependency[LinkService],
    ) -> Mailed:
        """Ask for another address.

        A link is mailed to the old one and one to the new one; when both are followed, in either order, it changes.
        """
        return await links.ask_to_change(viewer, data.email, data.password)

    @post("/change/follow", permission=PUBLIC, status_code=200, refuses=(Conflict, DeadLink, TooMany))
    async def change_address(self, data: JSONBody[FollowLink], links: NamedDependency[LinkService]) -> AddressChange:
        """Confirm a change of address by one of the two links.

        The second one changes it.
        """
        return await links.change(data.token)


class OwnDataController(Controller):
    """All that the house holds of somebody: theirs to have, and to have deleted."""

    path = "/me"

    @post(
        "/deletion",
        permission=UNLIMITED,
        status_code=204,
        changes_identity=True,
        proof=OF_GUARDED,
        refuses=(LastSuperuser, ProofNeeded, TooMany),
    )
    async def delete_account(
        self, data: JSONBody[Farewell], viewer: NamedDependency[Viewer], links: NamedDependency[LinkService]
    ) -> None:
        """Delete one's own account.

        At once, and with all that is in it.
        """
        await links.delete(viewer, data.password)

    @get("/export", permission=UNLIMITED)
    async def export_account(
        self, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader], state: State
    ) -> Response[ShareOut]:
        """Have all that the house holds of oneself."""
        shares: dict[str, Any] = {
            module.name: await module.share(reader, viewer.id) for module in state.modules if module.share
        }
        held = ShareOut(found(await account.one(reader, user=viewer.id), "user"), shares)
        disposition = 'attachment; filename="account.json"'
        return Response(held, headers={"Content-Disposition": disposition, **ONCE})
