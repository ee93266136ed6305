"""What is said of second factors, and by which means somebody proves who they are."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.domain.accounts.passkey_schemas import Credential
from app.domain.accounts.schemas import Password
from app.kit.schema import Input, Moment, Output

Code = Annotated[str, Meta(max_length=20, description="Six digits, as an app shows them", examples=["492039"])]
RecoveryCode = Annotated[
    str, Meta(max_length=40, description="One of those shown once; each is good once", examples=["mfrg-gzdf-mztw-q2lk"])
]
Ticket = Annotated[str, Meta(max_length=100, description="Of the answer that asked for it", examples=["Zk9…"])]


class SecondFactorAsked(Output):
    """The first factor is right, and the second one is asked for: once, and within five minutes.

    `ways`: what the user has. For a passkey, `POST /api/v1/accounts/second-factor/passkey-options` comes first.
    """

    challenge: Ticket
    expires_at: Moment
    ways: Annotated[list[Literal["code", "recoveryCode", "passkey"]], Meta(examples=[["code", "recoveryCode"]])]


class SecondFactors(Output):
    """A user's second factors: whether codes by an app, how many passkeys, and how many recovery codes are left."""

    totp: bool
    passkeys: int
    recovery_codes_left: int


class TotpOffer(Output):
    """A secret for codes, shown this once; it counts when a first code has confirmed it."""

    secret: Annotated[str, Meta(description="To be typed in", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])]
    uri: Annotated[
        str,
        Meta(
            description="To be shown as a QR code",
            examples=["otpauth://totp/localhost:ann?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=localhost"],
        ),
    ]


class ConfirmTotp(Input):
    """A first code."""

    code: Code


class RecoveryCodes(Output):
    """Codes for who has lost all else, shown this once; null where some were shown before, which stay good."""

    recovery_codes: list[RecoveryCode] | None


class SecondFactor(Input):
    """The answer to a challenge: one of the three."""

    challenge: Ticket
    code: Code | None = None
    recovery_code: RecoveryCode | None = None
    passkey: Credential | None = None


class Proof(Input):
    """By what the caller proves who they are: one of them."""

    password: Password | None = None
    code: Code | None = None
    passkey: Credential | None = None


class Proved(Output):
    """The caller has proved who they are, and until then it counts."""

    expires_at: Moment


class PasskeyTicket(Input):
    """The challenge that asked for a second factor."""

    challenge: Ticket


class RegisteredPasskey(Output):
    """A new passkey; with the first second factor come recovery codes, shown this once."""

    id: UUID
    recovery_codes: list[RecoveryCode] | None
