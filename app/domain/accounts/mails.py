"""The mails of accounts: which there are, to whom they go, and the links in them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from app.domain.accounts.link_repositories import Made, make_for_address, make_for_user, make_to_join
from app.domain.accounts.links import LIFETIMES, Purpose, digest_of_secret, in_words, new_secret
from app.platform.database.work import UnitOfWork
from app.platform.mail.letters import Letters
from app.platform.mail.mailer import Mailer
from app.platform.mail.message import Mail

LETTERS = Letters(Path(__file__).with_name("letters"))

# In words of our own: what a client calls itself is anybody's text, and a mail would bring it to a stranger.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Linux|X11", "Linux"),
)


class Post:
    """The mails of one unit of work: they go out with what it commits, or not at all."""

    def __init__(self, mailer: Mailer, work: UnitOfWork) -> None:
        self._mailer = mailer
        self._work = work

    async def joining(self, address: str) -> None:
        """A link to join by; who has the address already is told so instead, at the same cost."""
        secret = new_secret()
        is_free = await make_to_join(self._work, address, digest_of_secret(secret))
        link, notice = self._with_link(address, Purpose.JOIN, secret), LETTERS.write("member", address)
        await self._send(link if is_free else notice)

    async def invitation(self, address: str, secret: str) -> None:
        """The link of an invitation."""
        await self._send(self._with_link(address, Purpose.INVITE, secret))

    async def verification(self, user: UUID) -> None:
        """A link that confirms the user's address."""
        await self._link_for(user, Purpose.VERIFY)

    async def link_to(self, address: str, purpose: Purpose) -> None:
        """A link to whoever has this address, where it is kept; to nobody where nobody has it, at the same cost."""
        secret = new_secret()
        made = await make_for_address(self._work, address, purpose, digest_of_secret(secret))
        await self._send(self._with_link(made.email, purpose, secret))

    async def change(self, user: UUID, email: str, *, is_taken: bool) -> None:
        """A link to the old address and one to the new; where that is somebody else's, it is told so instead."""
        await self._link_for(user, Purpose.LEAVE, email)
        secret = new_secret()
        await make_for_user(self._work, user, Purpose.ENTER, digest_of_secret(secret), email)
        link, notice = self._with_link(email, Purpose.ENTER, secret), LETTERS.write("taken", email)
        await self._send(notice if is_taken else link)

    async def changed(self, old: str, new: str) -> None:
        """Tell the old address."""
        await self._send(LETTERS.write("address-changed", old, to=new))

    async def password_changed(self, to: str) -> None:
        """Tell the address."""
        await self._send(LETTERS.write("password-changed", to))

    async def new_device(self, to: str, device: str | None) -> None:
        """Tell the address."""
        when = datetime.now(UTC).strftime("%d %B %Y at %H:%M UTC")
        await self._send(LETTERS.write("new-device", to, device=described(device), when=when))

    async def identity_linked(self, to: str, provider: str) -> None:
        """Tell the address by whom its user can sign in, too."""
        await self._send(LETTERS.write("identity-linked", to, provider=provider))

    async def deleted(self, to: str) -> None:
        """Tell the address."""
        await self._send(LETTERS.write("deleted", to))

    async def _link_for(self, user: UUID, purpose: Purpose, about: str | None = None) -> None:
        secret = new_secret()
        made: Made = await make_for_user(self._work, user, purpose, digest_of_secret(secret), about)
        await self._send(self._with_link(made.email, purpose, secret, to=about))

    def _with_link(self, address: str | None, purpose: Purpose, secret: str, **values: object) -> Mail:
        link, lifetime = self._mailer.link(purpose.page, secret), in_words(LIFETIMES[purpose])
        return LETTERS.write(purpose.value, address, address=link, lifetime=lifetime, **values)

    async def _send(self, mail: Mail) -> None:
        await self._mailer.send(self._work, mail)


def described(device: str | None) -> str:
    """What a client seems to be, as `Firefox on Linux`."""
    browser = next((name for mark, name in BROWSERS if re.search(mark, device or "")), "a program")
    system = next((name for mark, name in SYSTEMS if re.search(mark, device or "")), "an unknown system")
    return f"{browser} on {system}"
