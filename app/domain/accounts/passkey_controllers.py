"""The doors of passkeys."""

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.domain.accounts.factor_schemas import PasskeyTicket, RegisteredPasskey
from app.domain.accounts.passkey_schemas import NewPasskey, PasskeyOptions, PasskeyOut
from app.domain.accounts.passkeys import PasskeyService
from app.domain.accounts.queries import passkeys_of
from app.domain.accounts.session_controllers import ONCE, PATH
from app.kit.errors import Conflict, NotFound, TooMany
from app.kit.identity import Viewer
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post
from app.platform.security import OF_ALL, PUBLIC, SIGNED_IN, UNLIMITED


class PasskeyController(Controller):
    """One's passkeys. To change them wants a recent proof of who one is."""

    path = "/passkeys"

    @get(permission=SIGNED_IN)
    async def list_passkeys(self, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]) -> list[PasskeyOut]:
        """List one's passkeys."""
        return await passkeys_of.all(reader, user=viewer.id)

    @post("/registration", permission=UNLIMITED, proof=OF_ALL, status_code=200)
    async def offer_passkey(
        self, viewer: NamedDependency[Viewer], passkeys: NamedDependency[PasskeyService]
    ) -> Response[PasskeyOptions]:
        """Begin to register a passkey.

        The answer is for `navigator.credentials.create()`, and what that gives for `POST /api/v1/accounts/passkeys`,
        within five minutes. Wants a recent proof.
        """
        return Response(await passkeys.offer(viewer), headers=ONCE)

    @post(permission=UNLIMITED, proof=OF_ALL, changes_identity=True, refuses=(Conflict,))
    async def register_passkey(
        self,
        data: JSONBody[NewPasskey],
        viewer: NamedDependency[Viewer],
        passkeys: NamedDependency[PasskeyService],
    ) -> Response[RegisteredPasskey]:
        """Register a passkey.

        With it one signs in without a password; sign-ins by password want it, or another second factor, from now on.
        With the first second factor come recovery codes, shown this once. Wants a recent proof.
        """
        made = await passkeys.register(viewer, data)
        return Response(made, headers={"Location": f"{PATH}/passkeys/{made.id}", **ONCE})

    @delete("/{passkey_id:uuid}", permission=UNLIMITED, proof=OF_ALL, changes_identity=True, refuses=(NotFound,))
    async def remove_passkey(
        self, passkey_id: FromPath[UUID], viewer: NamedDependency[Viewer], passkeys: NamedDependency[PasskeyService]
    ) -> None:
        """Remove a passkey.

        With the last second factor the recovery codes go, too. Wants a recent proof.
        """
        await passkeys.remove(viewer, passkey_id)

    @post("/options", permission=PUBLIC, status_code=200, refuses=(TooMany,))
    async def ask_passkey(self, passkeys: NamedDependency[PasskeyService]) -> Response[PasskeyOptions]:
        """Begin to sign in by a passkey.

        The answer is for `navigator.credentials.get()`, and what that gives for `POST /api/v1/accounts/session/passkey`
        or `/tokens/passkey`, within five minutes. Nobody need say who they are.
        """
        return Response(await passkeys.options(), headers=ONCE)


class PasskeyQuestionController(Controller):
    """What passkeys are asked of whom the house knows, or half knows; it is answered with the other answers."""

    @post("/second-factor/passkey-options", permission=PUBLIC, status_code=200, refuses=(TooMany,))
    async def ask_passkey_as_second_factor(
        self, data: JSONBody[PasskeyTicket], passkeys: NamedDependency[PasskeyService]
    ) -> Response[PasskeyOptions]:
        """Begin to answer a challenge by a passkey.

        The answer is for `navigator.credentials.get()`, and what that gives for where the second step of a sign-in
        goes, with the same challenge.
        """
        return Response(await passkeys.second_factor_options(data.challenge), headers=ONCE)

    @post("/proof/passkey-options", permission=UNLIMITED, status_code=200)
    async def ask_passkey_as_proof(
        self, viewer: NamedDependency[Viewer], passkeys: NamedDependency[PasskeyService]
    ) -> Response[PasskeyOptions]:
        """Begin to prove by a passkey who one is.

        The answer is for `navigator.credentials.get()`, and what that gives for `POST /api/v1/accounts/proof`.
        """
        return Response(await passkeys.proof_options(viewer), headers=ONCE)
