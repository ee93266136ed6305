"""The doors of second factors: setting them up, answering when one is asked for, and proving once more who one is."""

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.domain.accounts.factor_schemas import (
    ConfirmTotp,
    Proof,
    Proved,
    RecoveryCodes,
    SecondFactor,
    SecondFactors,
    TotpOffer,
)
from app.domain.accounts.passkey_schemas import PasskeySignIn
from app.domain.accounts.proofs import ProofService
from app.domain.accounts.queries import second_factors
from app.domain.accounts.schemas import SessionOut, SignedIn
from app.domain.accounts.second_factors import SecondFactorService
from app.domain.accounts.session_controllers import ONCE, PATH, begun, shown_once
from app.kit.errors import Conflict, NotFound, TooMany, found
from app.kit.identity import Viewer
from app.platform.cookies import SessionCookie
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, post
from app.platform.security import OF_ALL, PUBLIC, SIGNED_IN, UNLIMITED


class SecondFactorController(Controller):
    """One's second factors. To change them wants a recent proof of who one is."""

    path = "/second-factors"

    @get(permission=SIGNED_IN)
    async def list_second_factors(
        self, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]
    ) -> SecondFactors:
        """See what second factors one has."""
        return found(await second_factors.one(reader, user=viewer.id), "user")

    @post("/totp", permission=UNLIMITED, proof=OF_ALL, refuses=(Conflict,))
    async def offer_totp(
        self, viewer: NamedDependency[Viewer], factors: NamedDependency[SecondFactorService]
    ) -> Response[TotpOffer]:
        """Begin to set up codes by an app.

        The secret is shown this once, and counts when a first code has confirmed it. Wants a recent proof.
        """
        offer = await factors.offer_totp(viewer)
        return Response(offer, headers={"Location": f"{PATH}/second-factors", **ONCE})

    @post("/totp/confirmation", permission=UNLIMITED, proof=OF_ALL, changes_identity=True, refuses=(NotFound, TooMany))
    async def confirm_totp(
        self,
        data: JSONBody[ConfirmTotp],
        viewer: NamedDependency[Viewer],
        factors: NamedDependency[SecondFactorService],
    ) -> Response[RecoveryCodes]:
        """Confirm codes by an app.

        From now on each sign-in asks for one. With the first second factor come recovery codes, shown this once. Wants
        a recent proof.
        """
        made = await factors.confirm_totp(viewer, data.code)
        return Response(made, headers={"Location": f"{PATH}/second-factors", **ONCE})

    @delete("/totp", permission=UNLIMITED, proof=OF_ALL, changes_identity=True, refuses=(NotFound,))
    async def remove_totp(self, viewer: NamedDependency[Viewer], factors: NamedDependency[SecondFactorService]) -> None:
        """Remove codes by an app.

        With the last second factor the recovery codes go, too. Wants a recent proof.
        """
        await factors.remove_totp(viewer)

    @post("/recovery-codes", permission=UNLIMITED, proof=OF_ALL, refuses=(Conflict,))
    async def renew_recovery_codes(
        self, viewer: NamedDependency[Viewer], factors: NamedDependency[SecondFactorService]
    ) -> Response[RecoveryCodes]:
        """Make new recovery codes.

        They are shown this once, and those of before are good no more. Wants a recent proof.
        """
        made = await factors.renew_recovery_codes(viewer)
        return Response(made, headers={"Location": f"{PATH}/second-factors", **ONCE})


class AnswerController(Controller):
    """Answers to who is asked for more than they have shown."""

    @post("/tokens/second-factor", permission=PUBLIC, refuses=(TooMany,))
    async def finish_sign_in(
        self, data: JSONBody[SecondFactor], proofs: NamedDependency[ProofService]
    ) -> Response[SignedIn]:
        """Sign in by a second factor.

        The second step: `POST /api/v1/accounts/tokens` has answered 202 with the challenge. A few wrong answers use
        the challenge up; then the first step comes again.
        """
        return shown_once(await proofs.finish(data))

    @post("/session/second-factor", permission=PUBLIC, same_origin=True, changes_identity=True, refuses=(TooMany,))
    async def finish_browser_sign_in(
        self,
        data: JSONBody[SecondFactor],
        viewer: NamedDependency[Viewer],
        proofs: NamedDependency[ProofService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[SessionOut]:
        """Sign a browser in by a second factor.

        The second step: `POST /api/v1/accounts/session` has answered 202 with the challenge.
        """
        made = await proofs.finish(data, as_session=True)
        await proofs.leave_session(viewer)
        return begun(made, cookie)

    @post("/tokens/passkey", permission=PUBLIC, refuses=(TooMany,))
    async def sign_in_by_passkey(
        self, data: JSONBody[PasskeySignIn], proofs: NamedDependency[ProofService]
    ) -> Response[SignedIn]:
        """Sign in by a passkey.

        Makes a token. A passkey looks whose hand it is in, so that no second factor is asked for.
        """
        return shown_once(await proofs.enter_by_passkey(data.credential))

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

    @post("/proof", permission=UNLIMITED, status_code=200, changes_identity=True, refuses=(TooMany,))
    async def prove_identity(
        self,
        data: JSONBody[Proof],
        viewer: NamedDependency[Viewer],
        proofs: NamedDependency[ProofService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[Proved]:
        """Prove once more who one is.

        What endangers an account wants a proof of the last minutes, and says so by 403 with the code `proof_needed`;
        to sign in counts as one. A session goes on under a new cookie, a token stays what it is.
        """
        proved = await proofs.prove(viewer, data)
        return Response(proved, headers={**ONCE, **cookie.given_out(proofs.renewed)})
