"""What keeps strangers from guessing passwords, without letting them lock anybody out.

A sign-in is counted before its password is looked at: by address, by account and address, by account. Only failures
stay counted by account. Whom a stranger's failures elsewhere have shut out still signs in from any address that they
signed in from in the last 30 days, and from everywhere once the hour is over. An account that does not exist is
counted as one that does. A link that is mailed to the account's address lets its owner in at once, unless it has a
second factor.

An account is one by its address and by its username: from everywhere its failures are counted together. From one
address they are counted apart, since clients are told of these: by one count for both, anybody could learn whose
username goes with an address.
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
CODES = Rate(20, 3600)  # that are tried of one user's, by whatever challenges and tokens


class Attempts:
    """The attempts of one request to sign in or up."""

    def __init__(self, throttle: Throttle, settings: SecuritySettings) -> None:
        self._throttle = throttle
        self._settings = settings

    async def sign_in(self, email: str, *, by_name: bool = False) -> None:
        """Count a sign-in to the account with this address; by its name, where that was told instead. Raises TooMany.

        Of an account that does not exist, the name stands for the address.
        """
        everyone = Limit(
            "address", self._settings.sign_in_address_limit, key_of("sign-in address", self._throttle.network)
        )
        told_address, told_name, everywhere = self._by_account(email)
        await self._throttle.take(everyone, told_name if by_name else told_address, everywhere)

    async def signed_in(self, email: str) -> None:
        """Uncount a sign-in that succeeded, and remember whence it came."""
        limits, known = self._by_account(email), self._known(email)
        await self._throttle.give_back(*limits, remember=known, seconds=REMEMBERED_SECONDS)

    async def signed_in_by_both(self, email: str, user: UUID, source: Source) -> None:
        """The same with both factors, within a transaction: the code that it may have taken is uncounted, too."""
        limits, known = (*self._by_account(email), *_by_codes(user)), self._known(email)
        await self._throttle.give_back(*limits, remember=known, seconds=REMEMBERED_SECONDS, source=source)

    async def second_factor(self, challenge: bytes, coded: UUID | None = None) -> None:
        """Count an answer to this challenge, and a code that is tried of a user's. Raises TooMany."""
        everyone = key_of("second factor address", self._throttle.network)
        await self._throttle.take(
            Limit("address", self._settings.sign_in_address_limit, everyone),
            Limit("challenge", ANSWERS, key_of("challenge", challenge.hex())),
            *_by_codes(coded),
        )

    async def passkey(self) -> None:
        """Count a sign-in by whatever passkey. Raises TooMany."""
        everyone = key_of("passkey address", self._throttle.network)
        await self._throttle.take(Limit("address", self._settings.sign_in_address_limit, everyone))

    async def provider(self) -> None:
        """Count a step of a sign-in by whatever provider. Raises TooMany."""
        everyone = key_of("openid address", self._throttle.network)
        await self._throttle.take(Limit("address", self._settings.sign_in_address_limit, everyone))

    async def proof(self, credential: UUID | None, coded: UUID | None = None) -> None:
        """Count a proof by this credential, and a code that is tried of a user's. Raises TooMany."""
        await self._throttle.take(Limit("proof", PROOFS, key_of("proof", str(credential))), *_by_codes(coded))

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

    def _by_account(self, email: str) -> tuple[Limit, Limit, Limit]:
        """What counts who tell its address here, who tell its name here, and both from everywhere."""
        account, settings, network = account_key(email), self._settings, self._throttle.network
        return (
            Limit("account", settings.sign_in_limit, key_of(network, within=account)),
            Limit("account", settings.sign_in_limit, key_of("by name", network, within=account)),
            Limit("everywhere", settings.sign_in_account_limit, account, unless=self._known(email)),
        )

    def _known(self, email: str) -> bytes:
        return key_of("signed in", account_name(email), self._throttle.network)


def _by_codes(user: UUID | None) -> tuple[Limit, ...]:
    """Six digits could be guessed, were each challenge's tries all; who has used them up has other ways."""
    return () if user is None else (Limit("codes", CODES, key_of("codes", str(user))),)


def account_key(email: str) -> bytes:
    """The key of the failures of an account, from everywhere; those from one address are kept within it."""
    return key_of("sign-in account", account_name(email))


def account_name(email: str) -> str:
    """One name for all spellings that sign in to one account."""
    return email_form(email).casefold()
