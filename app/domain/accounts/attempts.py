"""What keeps strangers from guessing passwords, without letting them lock anybody out.

A sign-in is counted before its password is looked at: by address, by account and address, by account. Only failures
stay counted by account. Whom a stranger's failures elsewhere have shut out still signs in from any address that they
signed in from in the last 30 days, and from everywhere once the hour is over. An account that does not exist is
counted as one that does. A link that is mailed to the account's address lets its owner in at once.
"""

from uuid import UUID

from app.domain.accounts.names import email_form
from app.platform.database.work import Source
from app.platform.ratelimit import Limit, Throttle, forget, key_of
from config.rates import Rate
from config.settings import SecuritySettings

REMEMBERED_SECONDS = 30 * 86_400
ANSWERS = Rate(5, 600)  # to a challenge, which lasts half as long
PROOFS = Rate(10, 3600)


class Attempts:
    """The attempts of one request to sign in or up."""

    def __init__(self, throttle: Throttle, settings: SecuritySettings) -> None:
        self._throttle = throttle
        self._settings = settings

    async def sign_in(self, email: str) -> None:
        """Count a sign-in to the account with this address. Raises TooMany."""
        everyone = Limit(
            "address", self._settings.sign_in_address_limit, key_of("sign-in address", self._throttle.network)
        )
        await self._throttle.take(everyone, *self._by_account(email))

    async def signed_in(self, email: str, source: Source | None = None) -> None:
        """Uncount a sign-in that succeeded, and remember whence it came; in the transaction of who holds one."""
        limits, known = self._by_account(email), self._known(email)
        await self._throttle.give_back(*limits, remember=known, seconds=REMEMBERED_SECONDS, source=source)

    async def second_factor(self, challenge: bytes) -> None:
        """Count an answer to this challenge, which alone it can use up. Raises TooMany."""
        everyone = key_of("second factor address", self._throttle.network)
        await self._throttle.take(
            Limit("address", self._settings.sign_in_address_limit, everyone),
            Limit("challenge", ANSWERS, key_of("challenge", challenge.hex())),
        )

    async def passkey(self) -> None:
        """Count a sign-in by whatever passkey. Raises TooMany."""
        everyone = key_of("passkey address", self._throttle.network)
        await self._throttle.take(Limit("address", self._settings.sign_in_address_limit, everyone))

    async def proof(self, credential: UUID | None) -> None:
        """Count a proof by this credential, which alone it can shut out. Raises TooMany."""
        await self._throttle.take(Limit("proof", PROOFS, key_of("proof", str(credential))))

    async def let_in(self, email: str) -> None:
        """Forget the failures that count against this account, here and everywhere, and remember whence it came.

        By a link that was mailed to its address somebody came in whom others may have locked out.
        """
        await forget(self._throttle.source, account_key(email))
        await self._throttle.give_back(remember=self._known(email), seconds=REMEMBERED_SECONDS)

    async def sign_up(self, email: str) -> None:
        """Count a sign-up with this address. Raises TooMany."""
        await self._throttle.take(
            Limit("address", self._settings.sign_up_address_limit, key_of("sign-up address", self._throttle.network)),
            Limit("account", self._settings.sign_up_limit, key_of("sign-up account", account_name(email))),
        )

    def _by_account(self, email: str) -> tuple[Limit, Limit]:
        account, settings = account_key(email), self._settings
        return (
            Limit("account", settings.sign_in_limit, key_of(self._throttle.network, within=account)),
            Limit("everywhere", settings.sign_in_account_limit, account, unless=self._known(email)),
        )

    def _known(self, email: str) -> bytes:
        return key_of("signed in", account_name(email), self._throttle.network)


def account_key(email: str) -> bytes:
    """The key of the failures of an account, from everywhere; those from one address are kept within it."""
    return key_of("sign-in account", account_name(email))


def account_name(email: str) -> str:
    """One name for all spellings that sign in to one account."""
    return email_form(email).casefold()
