"""A real SMTP server that answers as it is told, and workers that hand mail over to it."""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from ipaddress import ip_address
from logging import getLogger
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from app.platform.jobs import attempt, running
from app.platform.jobs.queue import QUEUED
from app.platform.jobs.running import Crew
from app.platform.mail.sending import send_mail
from app.platform.notices import Notices
from app.platform.resources import Resources
from tests.e2e.running import free_port
from tests.platform.jobs.conftest import Rows

HANG, DROP = "hang", "drop"  # what a server may do instead of an answer
USER, PASSWORD = "litehouse", "a password of the server's"


class PostOffice:
    """What an SMTP server was sent, and what it is to answer: to each RCPT, and to each DATA, else 250."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str], list[str]]] = []
        self.peers: list[object] = []
        self.rcpt: deque[str] = deque()
        self.data: deque[str] = deque()
        self.port = 0

    async def handle_RCPT(self, server, _session, envelope, address, _options) -> str:  # noqa: N802 - aiosmtpd's
        answer = await self._next(self.rcpt, server)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        self.received.append(message_from_bytes(envelope.original_content, EmailMessage, policy=policy.default))
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.mail_options))
        self.peers.append(session.peer)
        return await self._next(self.data, server)

    async def _next(self, answers: deque[str], server) -> str:
        answer = answers.popleft() if answers else "250 2.0.0 thank you"
        if answer == HANG:
            self.waiting = server
            return await server.loop.create_future()
        if answer == DROP:
            server.transport.abort()
        return answer


def authenticate(_server, _session, _envelope, _mechanism, given) -> AuthResult:
    is_right = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@pytest.fixture
def office() -> Iterator[Callable[..., PostOffice]]:
    """Open a post office; the arguments are aiosmtpd's."""
    opened: list[Controller] = []
    getLogger("mail.log").setLevel("ERROR")  # aiosmtpd's

    def open_one(**options: object) -> PostOffice:
        office, port = PostOffice(), free_port()
        options = {"enable_SMTPUTF8": True} | options
        controller = Controller(office, hostname="127.0.0.1", port=port, server_hostname="localhost", **options)
        controller.start()
        opened.append(controller)
        office.port = port
        return office

    yield open_one
    for controller in opened:
        controller.stop()


@pytest.fixture
def rows(database) -> Rows:
    return Rows(database)


@pytest.fixture
def worker(database, settings, monkeypatch):
    """A worker that hands mail over to a server; other settings are named without `smtp_`."""
    monkeypatch.setattr(attempt, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(running, "LOOKS_EVERY", 0.05)

    @asynccontextmanager
    async def working(port: int, **given: object) -> AsyncIterator[Resources]:
        given = {"host": "127.0.0.1", "port": port, "tls": "none"} | given
        chosen = {f"smtp_{name}": value for name, value in given.items()}
        mail = settings.mail.model_copy(update={"backend": "smtp", **chosen})
        resources, notices = Resources(replace(settings, mail=mail)), Notices(database)
        database.on_enqueued = partial(notices.tell, QUEUED)
        crew = Crew(database, notices, [send_mail], resources)
        try:
            async with resources.lifespan(), notices.lifespan(), notices.listening(), crew.lifespan(10):
                yield resources
        finally:
            database.on_enqueued = None

    return working


@pytest.fixture
def signing_in() -> dict[str, object]:
    """Settings by which a worker signs in."""
    return {"user": USER, "password": SecretStr(PASSWORD)}


@pytest.fixture
def send(app, database):
    """Send mails in one transaction, as a request does."""

    async def send(*mails) -> None:
        work, mailer = database.unit_of_work(), app.state.resources.mailer

        async def do() -> None:
            for mail in mails:
                await mailer.send(work, mail)

        await work.run(do)

    return send


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and its certificate for this machine, by no authority but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def encrypted(certificate: Path) -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
