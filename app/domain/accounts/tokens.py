"""The tokens that clients present: random, opaque, and kept as their SHA-256 alone."""

import secrets
from hashlib import sha256

PREFIX = "lh_"  # by which a scanner for leaked secrets knows one
RANDOM = 32  # bytes
LENGTH = len(PREFIX) + 43  # of that many bytes in Base64


def new_token() -> str:
    """A token, in clear."""
    return PREFIX + secrets.token_urlsafe(RANDOM)


def digest_of(token: str) -> bytes:
    """What is kept of a token: so much randomness needs neither salt nor a slow hash."""
    return sha256(token.encode()).digest()


def is_token(credential: str) -> bool:
    """Whether it has the form of one, so that anything else costs no statement."""
    return len(credential) == LENGTH and credential.startswith(PREFIX)
