"""Requests written byte by byte, as no client library would send them, and the answers to them."""

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse

import msgspec

from app.platform.problems import Problem

HOST = b"Host: litehouse.example"
JSON = b"Content-Type: application/json"
PATIENCE = 30.0  # seconds; only a failure takes so long


class Document(Problem, frozen=True, forbid_unknown_fields=True):
    """The one schema of every refusal."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    def problem(self, status: int) -> Document:
        """The document of a refusal, which must have this status and be whole."""
        assert self.status == status, (self.status, self.body[:500])
        assert self.headers.get_all("content-type") == ["application/problem+json"]
        document = msgspec.json.decode(self.body, type=Document)
        assert document.status == status
        assert document.type == f"/problems/{document.code}"
        assert document.detail
        assert [document.request_id] == self.headers.get_all("x-request-id")
        assert set(document.errors) == {violation.field for violation in document.violations}
        return document


def request(
    method: str, target: str | bytes, *headers: bytes, body: bytes = b"", host: bytes | None = HOST, token: str = ""
) -> bytes:
    """A request of HTTP/1.1, after which the server may close; a body's length is told."""
    lines = [
        method.encode() + b" " + (target if isinstance(target, bytes) else target.encode()) + b" HTTP/1.1",
        *([host] if host is not None else []),
        *([f"Authorization: Token {token}".encode()] if token else []),
        *([b"Content-Length: %d" % len(body)] if body else []),
        b"Connection: close",
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(port: int, *pieces: bytes, method: str | None = None) -> Answer | None:
    """Send the bytes over a connection of their own; None where it is closed without a word.

    The answer is read even where the server has closed its side before it took all the bytes.
    """
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        with suppress(ConnectionError):
            send(connection, pieces)
        answer = HTTPResponse(connection, method=method or pieces[0].partition(b" ")[0].decode("latin-1"))
        try:
            answer.begin()
            return Answer(answer.status, answer.headers, answer.read())
        except (HTTPException, ConnectionError):
            return None
        finally:
            answer.close()


def send(connection: socket.socket, pieces: Iterable[bytes]) -> None:
    """Each piece on its way before the next."""
    for piece in pieces:
        connection.sendall(piece)
