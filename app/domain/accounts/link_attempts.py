"""What keeps strangers from sending mail to people through the house, and from trying links."""

from app.domain.accounts.attempts import account_name
from app.domain.accounts.links import Purpose
from app.platform.ratelimit import Limit, Throttle, key_of
from config.settings import Settings


class LinkAttempts:
    """The links that one request asks for or follows."""

    def __init__(self, throttle: Throttle, settings: Settings) -> None:
        self._throttle = throttle
        self._settings = settings

    async def ask(self, address: str, purpose: Purpose) -> None:
        """Count a mail of this kind to the account with this address, whether or not there is one. Raises TooMany."""
        settings = self._settings.mail
        await self._throttle.take(
            Limit("address", settings.mail_address_limit, key_of("mail address", self._throttle.network)),
            Limit("account", settings.mail_limit, key_of("mail account", purpose, account_name(address))),
        )

    async def invite(self, address: str) -> None:
        """Count an invitation to this address, whoever sends it. Raises TooMany."""
        account = key_of("mail account", Purpose.INVITE, account_name(address))
        await self._throttle.take(Limit("account", self._settings.mail.mail_limit, account))

    async def follow(self, secret: str) -> None:
        """Count a link that is followed: it may cost a password's hash. Raises TooMany."""
        by_address, by_link = self._settings.mail.link_address_limit, self._settings.security.sign_in_limit
        await self._throttle.take(
            Limit("address", by_address, key_of("link address", self._throttle.network)),
            Limit("link", by_link, key_of("link", secret)),
        )
