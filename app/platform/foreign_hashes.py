"""Password hashes as Django writes them: recognised and compared, never made. They come with moved users."""

import re
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from hashlib import pbkdf2_hmac, sha256
from hmac import compare_digest

import bcrypt

# What a comparison costs stands in the hash. The bounds keep one row of a strange table from holding a thread, or the
# memory of the machine: ten million passes, 2^16 rounds of bcrypt, and 1 GB take some seconds each.
PBKDF2 = re.compile(
    r"pbkdf2_(?P<digest>sha256|sha1)\$(?P<passes>[1-9][0-9]{0,6})\$(?P<salt>[!-#%-~]+)\$(?P<hash>(?:[\w+/]{4})+(?:[\w+/]{2,3}={1,2})?)",
    re.ASCII,
)
BCRYPT = re.compile(r"bcrypt(?P<digest>_sha256)?\$(?P<hash>\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53})")
ARGON2 = re.compile(
    r"(?:argon2)?(?P<hash>\$argon2(?:id|i|d)\$v=19\$m=[1-9][0-9]{0,5},t=[1-9][0-9]?,p=[1-9][0-9]?"
    r"\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,})"
)
LONGEST_FOR_BCRYPT = 72  # bytes; it never saw more, and the library of today refuses more


def argon2_form(known: str) -> str | None:
    """An argon2 hash in its standard form, whether it was in it or behind Django's `argon2`; None for all else."""
    match = ARGON2.fullmatch(known)
    return match and match["hash"]


def comparison(known: str) -> Callable[[str], bool] | None:
    """What tells whether a password has this PBKDF2 or bcrypt hash; None where it is neither."""
    if pbkdf2 := PBKDF2.fullmatch(known):
        return partial(_is_pbkdf2, pbkdf2)
    if bcrypted := BCRYPT.fullmatch(known):
        return partial(_is_bcrypt, bcrypted)
    return None


def is_hash(known: str) -> bool:
    """Whether a password can be compared with it."""
    return argon2_form(known) is not None or comparison(known) is not None


def _is_pbkdf2(known: re.Match[str], password: str) -> bool:
    digest = pbkdf2_hmac(known["digest"], password.encode(), known["salt"].encode(), int(known["passes"]))
    return compare_digest(digest, b64decode(known["hash"]))


def _is_bcrypt(known: re.Match[str], password: str) -> bool:
    """By Django's BCryptSHA256PasswordHasher, which hashes the hexadecimal SHA-256, or its BCryptPasswordHasher."""
    secret = password.encode()
    if known["digest"]:
        secret = sha256(secret).hexdigest().encode()
    try:
        return bcrypt.checkpw(secret[:LONGEST_FOR_BCRYPT], known["hash"].encode())
    except ValueError:  # it looks like one, and its salt decodes to nothing that bcrypt makes
        return False
