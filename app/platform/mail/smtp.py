"""The way out by SMTP: a few kept connections to one server, encrypted, and its answers in the house's terms."""

import asyncio
import re
import ssl
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from app.platform.mail.backends import MailDelayed, MailRefused
from app.platform.mail.message import Outgoing
from config.mailing import MailSettings

KEPT = 60.0  # seconds that a connection may idle: servers end them after five minutes, some sooner
# There is no such mailbox, no such host, no such form of an address; it has moved; its host takes no mail at all.
NOBODY = re.compile(r"5\.1\.(?:1|2|3|6|10)\b")
WITHOUT_US = (530, 534, 535, 538)  # it wants us signed in otherwise: no fault of the mail's
LEAVES = 1.0  # seconds for the last word
LONGEST_ANSWER = 500  # characters


class Kept(NamedTuple):
    """A connection that waits for the next mail, since when."""

    client: SMTP
    since: float


class Smtp:
    """Connections are made when they are wanted, `LITEHOUSE_SMTP_CONNECTIONS` at most, and kept for a minute."""

    def __init__(self, settings: MailSettings, name: str) -> None:
        """`name`: what this host calls itself."""
        self._settings = settings
        self._name = name
        self._places = asyncio.Semaphore(settings.smtp_connections)
        self._kept: deque[Kept] = deque()
        self._trusted: ssl.SSLContext | None = None

    async def hand_over(self, outgoing: Outgoing) -> str:
        """Give one to the server; its answer. Raises MailRefused, MailDelayed."""
        message = await asyncio.to_thread(lambda: bytes(outgoing.message()))
        async with self._places:
            client = await self._connection()
            try:
                return await _converse(client, outgoing, message)
            except (MailRefused, MailDelayed):
                raise  # the server said so, or is gone
            except BaseException:
                client.close()  # in the middle of something
                raise
            finally:
                if client.is_connected:
                    self._kept.append(Kept(client, monotonic()))

    async def close(self) -> None:
        """Take leave of the server."""
        while self._kept:
            client = self._kept.pop().client
            with suppress(SMTPException, OSError):
                await client.quit(timeout=LEAVES)
            client.close()

    async def _connection(self) -> SMTP:
        """One that was kept and still answers, or a new one. Raises MailDelayed."""
        while self._kept:
            client, since = self._kept.pop()
            if monotonic() - since < KEPT and await _answers(client):
                return client
            client.close()
        return await self._connect()

    async def _connect(self) -> SMTP:
        settings = self._settings
        if self._trusted is None and settings.smtp_tls != "none":
            self._trusted = await asyncio.to_thread(ssl.create_default_context)
        client = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password.get_secret_value() or None,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            tls_context=self._trusted,
            timeout=settings.smtp_timeout,
            local_hostname=self._name,
        )
        try:
            await client.connect()
        except (SMTPException, OSError) as error:
            client.close()
            where = f"{settings.smtp_host}:{settings.smtp_port}"
            raise MailDelayed(f"{where} is not to be had: {_in_words(error)}") from None
        except BaseException:
            client.close()
            raise
        return client


async def _answers(client: SMTP) -> bool:
    """Whether it lives; whatever was begun before is forgotten there."""
    try:
        await client.rset()
    except (SMTPException, OSError):
        return False
    except BaseException:
        client.close()
        raise
    return True


async def _converse(client: SMTP, outgoing: Outgoing, message: bytes) -> str:
    options = ["SMTPUTF8"] if outgoing.is_international else []
    sender, recipient = outgoing.envelope
    try:
        _, answer = await client.sendmail(sender, recipient, message, mail_options=options)
    except SMTPNotSupported as error:
        raise MailRefused(f"{recipient} is for servers that know SMTPUTF8: {error}") from None
    except SMTPRecipientsRefused as error:
        raise _verdict(error.recipients[0], is_of_recipient=True) from None
    except (SMTPSenderRefused, SMTPDataError) as error:
        raise _verdict(error, is_of_recipient=isinstance(error, SMTPDataError)) from None
    except (SMTPException, OSError) as error:
        client.close()
        raise MailDelayed(_in_words(error)) from None
    return _one_line(answer)


def _verdict(answer: SMTPResponseException, *, is_of_recipient: bool) -> MailRefused | MailDelayed:
    """For good or for now."""
    text = _in_words(answer)
    if not 500 <= answer.code < 600 or answer.code in WITHOUT_US:
        return MailDelayed(text)
    return MailRefused(text, is_nobody=is_of_recipient and NOBODY.search(answer.message) is not None)


def _in_words(error: SMTPException | OSError) -> str:
    """What the server said, or what happened on the way to it."""
    if isinstance(error, SMTPResponseException):
        return _one_line(f"{error.code} {error.message}")
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    """Of a stranger's text, what can be kept and printed."""
    return "".join(one if one.isprintable() else " " for one in text)[:LONGEST_ANSWER]
