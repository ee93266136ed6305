"""A mail, and the message that it becomes on its way: nothing that is given can begin a header of its own."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

import idna
from msgspec import Struct

LARGEST = 10_000_000  # bytes of all attachments: base64 makes a third more of them, and servers take some 25 MB
POLICY = SMTP.clone(cte_type="7bit")  # whatever the server takes


class Attachment(Struct, frozen=True):
    """A file that goes with a mail; one with a `cid` is shown where its HTML has `src="cid:…"`."""

    name: str
    media_type: str
    content: bytes
    cid: str | None = None


class Mail(Struct, frozen=True):
    """A message to one address; to None it costs the same, and goes nowhere: the time must not tell who is known.

    Raises ValueError where a line break would end a header early, for what is no address, and for attachments of more
    than ten million bytes.
    """

    to: str | None
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""

    def __post_init__(self) -> None:
        named = [part for file in self.attachments for part in (file.name, file.media_type, file.cid or "")]
        if not all(line.isprintable() for line in (self.to or "", self.subject, self.reply_to, *named)):
            raise ValueError("addresses, the subject and the names of files are one line each")
        for address in filter(None, (self.to, self.reply_to)):
            as_address(address)
        if sum(len(file.content) for file in self.attachments) > LARGEST:
            raise ValueError(f"attachments have {LARGEST} bytes at most: send a link to what is larger")


class Outgoing(Struct, frozen=True):
    """A mail on its way: by the same id and date however often it is tried."""

    id: UUID
    message_id: str
    sender: str
    mail: Mail
    written_at: datetime

    @property
    def envelope(self) -> tuple[str, str]:
        """From which address to which, without names."""
        return as_address(self.sender).addr_spec, as_address(self.mail.to or "").addr_spec

    @property
    def is_international(self) -> bool:
        """Whether it can go only by servers that know SMTPUTF8: for what stands before an @; domains have a form."""
        return not "".join(self.envelope).isascii()

    def message(self) -> EmailMessage:
        """It, as standards have it; `bytes()` makes what is sent."""
        mail = self.mail
        message = EmailMessage(policy=POLICY.clone(utf8=self.is_international))
        message["From"] = as_address(self.sender)
        message["To"] = as_address(mail.to or "")
        if mail.reply_to:
            message["Reply-To"] = as_address(mail.reply_to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self.written_at)
        message["Message-ID"] = self.message_id
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that nobody's absence is told in answer
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        _attach(message, mail.attachments)
        return message


def message_id(mail: UUID, sender: str) -> str:
    """By which whoever gets a mail twice knows it as one."""
    return f"<{mail}@{as_address(sender).domain}>"


def _attach(message: EmailMessage, files: tuple[Attachment, ...]) -> None:
    _, html = message.iter_parts()
    for file in files:
        kind, _, subtype = file.media_type.partition("/")
        if file.cid is None:
            message.add_attachment(file.content, kind, subtype, filename=file.name)
        else:
            cid = f"<{file.cid}>"
            html.add_related(file.content, kind, subtype, cid=cid, filename=file.name, disposition="inline")


def as_address(text: str) -> Address:
    """An address, or `Name <address>`, with the domain in its ASCII form. Raises ValueError."""
    name, bracket, spec = text.rpartition("<")
    local, at, domain = (spec.removesuffix(">") if bracket else text).rpartition("@")
    if not (local and at and domain):
        raise ValueError("an address is something like me@example.com")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"an address has the domain of a host: {error}") from error
    return Address(name.strip(), local, domain)
