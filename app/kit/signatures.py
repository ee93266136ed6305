"""Signatures of webhooks, of those that are sent and of those that come in, as Standard Webhooks has them.

HMAC-SHA256 over `id.timestamp.body`, in three headers: webhook-id, webhook-timestamp and webhook-signature. A secret is
written `whsec_` and base64; while one is replaced by another there is a signature by each.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from app.kit.errors import Unauthenticated

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX, VERSION = "whsec_", "v1"
SHORTEST = 24  # bytes of a secret, as the standard has it
TOLERANCE = 300  # seconds that a message may be old, or its sender's clock ahead
DIGITS = 12  # of a timestamp: Python refuses to read thousands of them, and counts no seconds with hundreds


class BadSignature(Unauthenticated):
    """A webhook came in that is not signed with the secret that was agreed upon, or not of late."""

    code = "bad_signature"
    title = "Bad signature"


def written(secret: bytes) -> str:
    """A secret as it is handed over."""
    return PREFIX + b64encode(secret).decode()


def secret_of(text: str) -> bytes:
    """The secret that is written so. Raises ValueError, for a short one too: where none is set anybody could sign."""
    try:
        secret = b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook's secret is whsec_ and base64") from error
    if len(secret) < SHORTEST:
        message = f"a webhook's secret is whsec_ and base64 of {SHORTEST} bytes at least"
        raise ValueError(message)
    return secret


def signed(secrets: Iterable[bytes], message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a message with this id: seconds of the Unix epoch, and a signature by each of the secrets."""
    signatures = " ".join(_signature(secret, message, str(timestamp), body) for secret in secrets)
    return {ID: message, TIMESTAMP: str(timestamp), SIGNATURE: signatures}


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a message that came in, by which to tell one that comes again; `body` are the bytes as they came.

    Raises BadSignature unless one of the secrets has signed it within five minutes, ValueError for what is no secret.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not given.get(name):
            raise BadSignature(f"header:{name}", "is missing")
    message, timestamp = given[ID], given[TIMESTAMP]
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= DIGITS
    if not (is_number and abs(now.timestamp() - int(timestamp)) <= TOLERANCE):
        raise BadSignature(f"header:{TIMESTAMP}", f"must be of the last {TOLERANCE} seconds")
    expected = [_signature(secret_of(secret), message, timestamp, body) for secret in secrets]
    # All are compared, each in constant time: how long it takes tells nothing.
    told = [one.encode() for one in given[SIGNATURE].split()]
    matches = [hmac.compare_digest(one, mine.encode()) for one in told for mine in expected]
    if not any(matches):
        raise BadSignature(f"header:{SIGNATURE}", "is by none of the secrets, or of something else")
    return message


def _signature(secret: bytes, message: str, timestamp: str, body: bytes) -> str:
    mac = hmac.digest(secret, f"{message}.{timestamp}.".encode() + body, "sha256")
    return f"{VERSION},{b64encode(mac).decode()}"
