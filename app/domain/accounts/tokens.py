"""Tokens that clients present: random, opaque, kept as their SHA-256 alone; how long and for what they are good."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from app.platform.module import Module, declared
from app.platform.security import SIGNED_IN
from config.settings import SecuritySettings

PREFIX = "lh_"  # by which a scanner for leaked secrets knows one
RANDOM = 32  # bytes
LENGTH = len(PREFIX) + 43  # of that many bytes in Base64
UNWRITTEN = timedelta(minutes=2)  # a use may not have been written for so long
LONGEST_DEVICE = 200


def new_token() -> str:
    """A token, in clear."""
    return PREFIX + secrets.token_urlsafe(RANDOM)


def digest_of(token: str) -> bytes:
    """What is kept of a token: so much randomness needs neither salt nor a slow hash."""
    return sha256(token.encode()).digest()


def is_token(credential: str) -> bool:
    """Whether it has the form of one, so that anything else costs no statement."""
    return len(credential) == LENGTH and credential.startswith(PREFIX)


def idle_since(settings: SecuritySettings) -> datetime:
    """When a token must have been used last, or later, to be good."""
    return datetime.now(UTC) - timedelta(days=settings.token_idle_days) - UNWRITTEN


def scopes_of(modules: Iterable[Module]) -> frozenset[str]:
    """What a token can be limited to: what needs no more than to be signed in, and each permission of the modules."""
    return frozenset({SIGNED_IN.name, *declared(modules)})


def device_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What the client calls itself, by its User-Agent: as text that can be seen, cut where it is long."""
    told = next((value for name, value in headers if name == b"user-agent"), b"").decode("latin-1")
    return "".join(filter(str.isprintable, told)).strip()[:LONGEST_DEVICE] or None
