"""The way out of the house: what is sent is written down with the change that it tells of, or not at all."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import msgspec

from app.kit.errors import Busy
from app.kit.uuid7 import uuid7
from app.platform.database.work import UnitOfWork
from app.platform.mail.backends import Backend, Console, Files, Memory, folder_of
from app.platform.mail.message import Mail, as_address, message_id
from app.platform.mail.sending import send_mail
from app.platform.mail.table import CONTENT
from app.platform.sealing import Sealing
from config.settings import MailSettings, Settings

OWN_PAGES = "/account/{purpose}?token={token}"
# By the statement that enqueues its job, whose parameters come first.
WRITE = "INSERT INTO platform_mail (id, message_id, recipient, subject, content) VALUES ($10, $11, $12, $13, $14)"


def _by_smtp(settings: Settings) -> Backend:
    from app.platform.mail.smtp import Smtp  # noqa: PLC0415 - its library is for those who send by it

    return Smtp(settings.mail, settings.http.site)


BACKENDS: dict[str, Callable[[Settings], Backend]] = {
    "smtp": _by_smtp,
    "file": lambda settings: Files(folder_of(settings), f"{settings.http.base_url}/mail"),
    "console": lambda _: Console(),
    "memory": lambda _: Memory(),
}

encode = msgspec.msgpack.Encoder().encode


class Mailer:
    """One in each process: a server writes down what a worker hands over."""

    def __init__(self, settings: Settings, sealing: Sealing) -> None:
        self.settings: MailSettings = settings.mail
        self._origin = settings.http.base_url
        self._sealing = sealing
        make = BACKENDS.get(settings.mail.backend)
        self.backend: Backend | None = make(settings) if make else None

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Close, at the end, what was opened."""
        try:
            yield
        finally:
            if self.backend is not None:
                await self.backend.close()

    def link(self, purpose: str, token: str) -> str:
        """The address that a mail leads to: never made of what a request says of its host."""
        return (self.settings.link_template or f"{self._origin}{OWN_PAGES}").format(purpose=purpose, token=token)

    def require(self) -> None:
        """Nothing where mail can be sent. Raises Busy."""
        if self.backend is None:
            raise Busy("no mail can be sent from here", retry_after=3600)

    async def send(self, work: UnitOfWork, mail: Mail) -> None:
        """Have it handed over once the work is committed; never if it is not. Without a backend nothing is sent.

        One statement, for nobody too. Raises Busy in production without LITEHOUSE_SECRET_KEYS.
        """
        if self.backend is None:
            return
        key, seal = uuid7(), await self._sealing.seal()
        content = seal.close(encode(mail), CONTENT.place(key))
        recipient = as_address(mail.to).addr_spec if mail.to else None
        row = (key, message_id(key, self.settings.sender), recipient, mail.subject, content)
        await work.enqueue(send_mail(mail=key).beside(WRITE, row))


def mail_faults(settings: MailSettings) -> list[str]:
    """Why no mail leaves; nothing where some does."""
    if settings.backend in BACKENDS:
        return []
    return ["LITEHOUSE_MAIL is none: addresses cannot be confirmed, nor forgotten passwords replaced"]
