"""Sign-in by a provider (OpenID Connect): what is under way meanwhile, and in which ways it ends without one.

Nothing is kept here of a sign-in that is under way: what its end is compared with travels, sealed, in a cookie of the
browser that began it, and is good in that browser alone. The code that the provider gives is good once at the provider.
"""

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.kit.errors import AppError, Busy, Conflict, Forbidden, Unauthenticated
from app.platform.cookies import SessionCookie
from app.platform.sealing import Seal, SealBroken, SealedColumn
from config.settings import HttpSettings

PROVIDER_SECRETS = SealedColumn("accounts_provider", "id", "secret")
LASTS = 600  # seconds
PLACE = "a sign-in by a provider that is under way, in its browser's cookie"
OWN_PATH = re.compile(r"/(?![/\\])[!-~]*")  # "//there" and "/\there" are addresses of other hosts
WITHOUT_ADDRESS = "this cannot be done here before its operator has set LITEHOUSE_BASE_URL"


class SignInLost(AppError):
    """The sign-in was begun in another browser, or too long ago, or is over already: begin it again."""

    code = "sign_in_lost"
    title = "This sign-in cannot be finished"


class Declined(Unauthenticated):
    """The provider did not say who you are: it refused, or you did."""

    code = "declined"
    title = "The provider declined"

    def __init__(self) -> None:
        super().__init__("provider", "declined")


class NotProven(Unauthenticated):
    """What the provider said proves nothing, so that nobody was signed in; the log of this site says why."""

    code = "not_proven"
    title = "Not proven"

    def __init__(self, reason: str, *, is_unsigned: bool = False) -> None:
        """`reason`: for the log; it quotes nothing that came in. `is_unsigned`: by any key that is known here."""
        super().__init__("provider", "did not prove who signs in")
        self.reason = reason
        self.is_unsigned = is_unsigned


class AddressUnconfirmed(Forbidden):
    """The provider vouches for no address of yours, which a new account needs: confirm yours there, and come again."""

    code = "address_unconfirmed"
    title = "Address not confirmed"

    def __init__(self) -> None:
        AppError.__init__(self, "email", "is not confirmed by the provider")


class AddressTaken(Conflict):
    """There is an account with your address: sign in to it as you do otherwise, and link the provider to it there."""

    code = "address_taken"
    title = "There is an account with this address"

    def __init__(self) -> None:
        super().__init__("email", "has an account: sign in to it, and POST /api/v1/accounts/identities/{provider}")


class IdentityTaken(Conflict):
    """As whom the provider knows you, another account is linked already: unlink it there first."""

    code = "identity_taken"
    title = "Linked to another account"

    def __init__(self) -> None:
        super().__init__("identity", "is linked to another account")


class LastWayIn(Conflict):
    """Without it you could not sign in any more: have a password, a passkey or another identity first."""

    code = "last_way_in"
    title = "The last way in"

    def __init__(self) -> None:
        super().__init__("identity", "is the last way in")


class Link(NamedTuple):
    """Who began it to link an identity: the user, and the token or session that they were known by."""

    user: UUID
    credential: UUID | None


class Pending(msgspec.Struct, frozen=True):
    """A sign-in that is under way; `link` where it is to link an identity, `back` where it leads afterwards."""

    provider: UUID
    state: str
    nonce: str
    verifier: str
    expires_at: float
    link: Link | None
    back: str | None

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (PKCE, RFC 7636, S256)."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def matches(self, state: str) -> bool:
        """Whether it is this one that ends; as fast for every other."""
        return secrets.compare_digest(self.state.encode(), state.encode(errors="replace"))


def new_pending(provider: UUID, link: Link | None, back: str | None) -> Pending:
    """One that begins now."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Pending(provider, state, nonce, verifier, datetime.now(UTC).timestamp() + LASTS, link, back)


def sealed(seal: Seal, pending: Pending) -> str:
    """It as a cookie's value."""
    return urlsafe_b64encode(seal.close(msgspec.json.encode(pending), PLACE)).decode()


def opened(seal: Seal, value: str | None) -> Pending:
    """It, from a cookie's value. Raises SignInLost for none, for what we have not sealed, and when it is too late."""
    try:
        pending = msgspec.json.decode(seal.open(urlsafe_b64decode(value or ""), PLACE), type=Pending)
    except (ValueError, SealBroken) as error:  # a broken text, or one that is not even base64
        raise SignInLost from error
    if pending.expires_at < datetime.now(UTC).timestamp():
        raise SignInLost
    return pending


def pending_cookie(http: HttpSettings) -> SessionCookie:
    """`__Host-openid`, on loopback HTTP `openid`."""
    return SessionCookie(secure=http.secure, seconds=LASTS, name="openid")


def redirect_uri(http: HttpSettings, provider: str) -> str:
    """Where the provider sends browsers back to; it has to be told it beforehand. Raises Busy without an own address.

    Never made of what a request says of its host.
    """
    if http.base_url is None:
        raise Busy(WITHOUT_ADDRESS, retry_after=3600)
    return f"{http.base_url}/account/openid/{provider}/callback"
