"""Pages in development where one reads the mail that was sent: the folder of LITEHOUSE_MAIL=file, newest first.

Links in mails are secrets: none of it is there but on a loopback address, and to a request that names one as its host,
which the page of another site that has its name lead here does not.
"""

import asyncio
from base64 import b64encode
from datetime import datetime
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser, BytesParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import UUID

from litestar import Controller, MediaType, Request, Response
from litestar.datastructures import State
from litestar.params import FromPath

from app.kit.errors import NotFound, found
from app.platform.handlers import get
from app.platform.mail.backends import folder_of
from app.platform.openapi.pages import CHECKED, Asset
from app.platform.pages import HEADERS, Pages
from app.platform.security import PUBLIC

FOLDER = Path(__file__).with_name("page_templates")
PAGES = Pages(FOLDER, "/mail/style.css")
STYLE = Asset((FOLDER / "style.css").read_bytes(), "text/css; charset=utf-8", CHECKED)
SHOWN = 200
FRAMING = {"Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; frame-src 'self'"}
# The mail's own HTML may look as it likes, and do nothing: no script, no form, nothing from another host.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

Asked = Request[Any, Any, Any]


class Caught(NamedTuple):
    """A mail's headers as they are shown; `id` leads to it."""

    id: str
    to: str
    subject: str
    date: datetime


class File(NamedTuple):
    """An attachment."""

    name: str
    content: bytes


class CaughtMail(Controller):
    """The mails that were sent."""

    path = "/mail"
    include_in_schema = False
    opt = {"tokens_only": True}  # noqa: RUF012 - Litestar's; nobody is asked who they are

    @get(permission=PUBLIC)
    async def list_mail(self, request: Asked, state: State) -> Response[str]:
        """The mails that were sent, newest first."""
        _require_loopback(request)
        folder = folder_of(state.settings)
        return PAGES.show("list", title="Mail", mails=await asyncio.to_thread(_newest, folder), folder=folder)

    @get("/style.css", permission=PUBLIC)
    async def read_mail_style(self) -> Asset:
        """How the pages look."""
        return STYLE

    @get("/{mail:uuid}", permission=PUBLIC)
    async def show_mail(self, request: Asked, state: State, mail: FromPath[UUID]) -> Response[str]:
        """One of them: its text beside its HTML, and its files."""
        message = await _read(request, state, mail)
        headers = {name: value for name, value in message.items() if not name.startswith(("MIME-", "Content-"))}
        text, files = _body(message, "plain"), _files(message)
        return PAGES.show(
            "mail", headers=FRAMING, title=headers["Subject"], id=mail, named=headers, text=text, files=files
        )

    @get("/{mail:uuid}/html", permission=PUBLIC)
    async def show_html(self, request: Asked, state: State, mail: FromPath[UUID]) -> Response[str]:
        """Its HTML alone, with the images that it brings."""
        message = await _read(request, state, mail)
        headers = {**HEADERS, "Content-Security-Policy": SANDBOX}
        return Response(_with_images(message), media_type=MediaType.HTML, headers=headers)

    @get("/{mail:uuid}/files/{number:str}", permission=PUBLIC)
    async def read_file(
        self, request: Asked, state: State, mail: FromPath[UUID], number: FromPath[str]
    ) -> Response[bytes]:
        """One of its files, to be kept and not shown: it may be anything."""
        files = {str(place): file for place, file in enumerate(_files(await _read(request, state, mail)))}
        file = found(files.get(number), "file")
        kept = {**HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        return Response(file.content, media_type="application/octet-stream", headers=kept)


def _require_loopback(request: Asked) -> None:
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotFound("page")


def _newest(folder: Path) -> list[Caught]:
    paths = sorted(folder.glob("*.eml"), reverse=True)[:SHOWN]  # ids begin with the time
    return [_caught(path) for path in paths]


def _caught(path: Path) -> Caught:
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=policy.default).parse(file)
    return Caught(path.stem, str(headers["To"]), str(headers["Subject"]), headers["Date"].datetime)


async def _read(request: Asked, state: State, mail: UUID) -> EmailMessage:
    """Raises NotFound."""
    _require_loopback(request)
    try:
        content = await asyncio.to_thread((folder_of(state.settings) / f"{mail}.eml").read_bytes)
    except FileNotFoundError:
        raise NotFound("mail") from None
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(content)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return part.get_content().replace("\r\n", "\n") if part else ""


def _files(message: EmailMessage) -> list[File]:
    parts = (part for part in message.walk() if part.get_content_disposition() == "attachment")
    return [File(part.get_filename() or "file", _content(part)) for part in parts]


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _with_images(message: EmailMessage) -> str:
    html = _body(message, "html")
    for part in message.walk():
        if cid := part["Content-ID"]:
            shown = f"data:{part.get_content_type()};base64,{b64encode(_content(part)).decode()}"
            html = html.replace(f"cid:{str(cid).strip('<>')}", shown)
    return html
