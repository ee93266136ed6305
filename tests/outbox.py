"""The mails that the application has left to a worker."""

import re

from app.platform.mail.message import Mail


class Outbox:
    """The mails that the application left to a worker, as their units of work were committed; those to nobody not."""

    def __init__(self) -> None:
        self._kept: list[Mail] = []

    def keep(self, mail: Mail) -> None:
        self._kept.append(mail)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def subjects(self) -> list[str]:
        return [mail.subject for mail in self._kept]

    @property
    def recipients(self) -> list[str | None]:
        return [mail.to for mail in self._kept]

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self._kept if mail.to == address]

    def token(self, address: str) -> str:
        """The secret of the link in the last mail to this address."""
        [token] = re.findall(r"lh_link_[\w-]{43}", self.to(address)[-1].text)
        return token
