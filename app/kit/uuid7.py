"""Ids that begin with the time (RFC 9562), for rows whose id has to be known before they are written."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new one: 48 bits of milliseconds, then chance."""
    milliseconds = time.time_ns() // 1_000_000
    chance = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 7 << 76 | chance >> 62 << 64 | 2 << 62 | chance & (1 << 62) - 1)
