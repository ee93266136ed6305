"""One-time codes by time (RFC 6238), and the codes for who has lost what makes them."""

import base64
import re
import secrets
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

import pyotp

from app.platform.sealing import SealedColumn

SECRETS = SealedColumn("accounts_totp", "user_id", "secret")
SECONDS = 30  # that a code is shown
SKEW = 1  # steps that a clock may be before or behind
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits: so much that a fast hash will do


def new_secret() -> str:
    """A secret for codes, 160 bits in Base32."""
    return pyotp.random_base32()


def uri_of(secret: str, account: str, issuer: str) -> str:
    """What an authenticator reads from a QR code: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step of time that the code is of, counted from 1970; None where it is no code of about now."""
    current, code = int(now.timestamp()) // SECONDS, re.sub(r"\s", "", code)
    for step in range(current - SKEW, current + SKEW + 1):
        if compare_digest(pyotp.HOTP(secret).at(step).encode(), code.encode(errors="replace")):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Ten codes, as `abcd-efgh-ijkl-mnop`."""
    return [
        "-".join(re.findall("....", base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()))
        for _ in range(RECOVERY_CODES)
    ]


def recovery_digest(code: str) -> bytes:
    """What is kept of a recovery code; hyphens, spaces and capitals do not count."""
    return sha256(re.sub(r"[\s-]", "", code).lower().encode(errors="replace")).digest()
