"""Tokens that clients present: random, opaque, kept as their SHA-256 alone; how long and for what they are good.

Two kinds that never pass for each other: what programs send in a header, and the sessions of browsers, in a cookie.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from app.platform.module import Module, declared
from app.platform.security import SIGNED_IN
from config.settings import SecuritySettings

PREFIX = "lh_"  # by which a scanner for leaked secrets knows one
SESSION_PREFIX = "lhs_"
RANDOM = 32  # bytes
LENGTH = len(PREFIX) + 43  # of that many bytes in Base64
UNWRITTEN = timedelta(minutes=2)  # a use may not have been written for so long
LONGEST_DEVICE = 200


def new_token(*, is_session: bool = False) -> str:
    """A token, in clear."""
    return (SESSION_PREFIX if is_session else PREFIX) + secrets.token_urlsafe(RANDOM)


def digest_of(token: str) -> bytes:
    """What is kept of a token: so much randomness needs neither salt nor a slow hash."""
    return sha256(token.encode()).digest()


def is_token(credential: str) -> bool:
    """Whether it has the form of one, so that anything else costs no statement."""
    return len(credential) == LENGTH and credential.startswith(PREFIX)


def is_session(credential: str) -> bool:
    """Whether it has the form of a session's."""
    return len(credential) == LENGTH + 1 and credential.startswith(SESSION_PREFIX)


class Idle(NamedTuple):
    """When something must have been used last, or later, to be good."""

    tokens: datetime
    sessions: datetime


def idle_since(settings: SecuritySettings) -> Idle:
    """The same for all, by these settings."""
    latest = datetime.now(UTC) - UNWRITTEN
    days, hours = timedelta(days=settings.token_idle_days), timedelta(hours=settings.session_idle_hours)
    return Idle(latest - days, latest - hours)


def lifetime(settings: SecuritySettings, *, is_session: bool) -> timedelta:
    """How long a sign-in is good at most."""
    return timedelta(days=settings.session_lifetime_days if is_session else settings.token_lifetime_days)


def scopes_of(modules: Iterable[Module]) -> frozenset[str]:
    """What a token can be limited to: what needs no more than to be signed in, and each permission of the modules."""
    return frozenset({SIGNED_IN.name, *declared(modules)})


def device_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What the client calls itself, by its User-Agent: as text that can be seen, cut where it is long."""
    told = next((value for name, value in headers if name == b"user-agent"), b"").decode("latin-1")
    return "".join(filter(str.isprintable, told)).strip()[:LONGEST_DEVICE] or None
