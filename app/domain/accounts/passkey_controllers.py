"""The doors of passkeys."""

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.domain.accounts.factor_schemas import PasskeyTicket, RegisteredPasskey
from app.domain.accounts.passkey_schemas import (
    NewPasskey,
    PasskeyOptions,
    PasskeyOut,
    PasskeySignIn,
)
from app.domain.accounts.passkeys import PasskeyService
from app.domain.accounts.proofs import ProofService
from app.domain.accounts.queries import passkeys_of
from app.domain.accounts.schemas import SessionOut, SignedIn
from app.domain.accounts.session_controllers import begun
from app.kit.errors import Conflict, NotFound, TooMany
from app.kit.identity import Viewer
from app.platform.cookies import SessionCookie
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post
from app.platform.security import OF_ALL, PUBLIC, SIGNED_IN, UNLIMITED

ONCE = {"Cache-Control": "no-store"}


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
        return Response(made, headers={"Location": f"/api/v1/accounts/passkeys/{made.id}", **ONCE})

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


class PasskeyAnswerController(Controller):
    """What passkeys answer, and are asked, elsewhere."""

    @post("/tokens/passkey", permission=PUBLIC, refuses=(TooMany,))
    async def sign_in_by_passkey(
        self, data: JSONBody[PasskeySignIn], proofs: NamedDependency[ProofService]
    ) -> Response[SignedIn]:
        """Sign in by a passkey.

        Makes a token. A passkey looks whose hand it is in, so that no second factor is asked for.
        """
        made = await proofs.enter_by_passkey(data.credential)
        return Response(made, headers={"Location": f"/api/v1/accounts/tokens/{made.id}", **ONCE})

    @post("/session/passkey", permission=PUBLIC, same_origin=True, changes_identity=True, refuses=(TooMany,))
    async def sign_in_browser_by_passkey(
        self,
        data: JSONBody[PasskeySignIn],
        viewer: NamedDependency[Viewer],
        proofs: NamedDependency[ProofService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[SessionOut]:
        """Sign a browser in by a passkey.

        Makes a session, as `POST /api/v1/accounts/session` does.
        """
        made = await proofs.enter_by_passkey(data.credential, as_session=True)
        await proofs.leave_session(viewer)
        return begun(made, cookie)

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
