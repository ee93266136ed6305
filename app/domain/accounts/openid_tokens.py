"""What a provider's ID token proves (OpenID Connect Core, 3.1.3.7). Imported when one is looked at: it takes long."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from datetime import datetime
from secrets import compare_digest
from typing import Any, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from app.domain.accounts.openid import NotProven

SKEW = 30  # seconds that a clock may be before or behind
KINDS = {"RS256": "RSA", "ES256": "EC"}
LEAST_BITS, MOST_BITS = 2048, 8192  # of an RSA key: a short one is broken, a long one takes our time
LONGEST_SUBJECT = 255
LONGEST_TOKEN = 100_000


class Expected(NamedTuple):
    """What a token must be about."""

    issuer: str
    client: str
    nonce: str


def claims_of(token: str, keys: Sequence[dict[str, Any]], expected: Expected, now: datetime) -> dict[str, Any]:
    """What it says, once that is proven. Raises NotProven, `is_unsigned` where other keys could prove it."""
    claims = _signed(token, keys)
    _check_parties(claims, expected)
    _check_times(claims, now.timestamp())
    nonce, subject = claims.get("nonce"), claims.get("sub")
    if not isinstance(nonce, str) or not compare_digest(nonce.encode(), expected.nonce.encode()):
        raise NotProven("the nonce is another")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or "\0" in subject:
        raise NotProven("the subject is none")
    return claims


def _signed(token: str, keys: Sequence[dict[str, Any]]) -> dict[str, Any]:
    header = _header(token)
    algorithm = header.get("alg")
    if algorithm not in KINDS:
        raise NotProven("the algorithm is neither RS256 nor ES256")
    for key in _candidates(keys, algorithm, header.get("kid")):
        try:
            signed = jws.deserialize_compact(token, JWKRegistry.import_key(key), algorithms=[algorithm])
            claims = json.loads(signed.payload)
        except (JoseError, ValueError, KeyError, TypeError):  # a key that is none raises any of them
            continue
        if isinstance(claims, dict):
            return claims
    raise NotProven("no key of the provider's has signed it", is_unsigned=True)


def _header(token: str) -> dict[str, Any]:
    first = token[:LONGEST_TOKEN].partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError) as error:
        raise NotProven("it is no token") from error
    if not isinstance(header, dict):
        raise NotProven("it is no token")
    return header


def _candidates(keys: Sequence[dict[str, Any]], algorithm: str, kid: object) -> Iterator[Any]:
    """The public keys that can have signed it. Each says of which kind it is: a secret one would be forged."""
    for key in keys:
        is_its = kid is None or key.get("kid") == kid
        may_sign = key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
        if is_its and may_sign and key.get("kty") == KINDS[algorithm] and _is_sound(key):
            yield key


def _is_sound(key: dict[str, Any]) -> bool:
    if key["kty"] == "EC":
        return key.get("crv") == "P-256"
    modulus = key.get("n")
    return isinstance(modulus, str) and LEAST_BITS <= len(modulus) * 6 <= MOST_BITS + 12


def _check_parties(claims: dict[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise NotProven("the issuer is another")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.client not in audiences:
        raise NotProven("it is for others")
    party = claims.get("azp")
    if party != expected.client and (party is not None or len(audiences) > 1):
        raise NotProven("it was given to others")


def _check_times(claims: dict[str, Any], now: float) -> None:
    if not now - SKEW < _moment(claims.get("exp")):
        raise NotProven("it has expired")
    for moment in (claims.get("iat"), claims.get("nbf", 0)):
        if not _moment(moment) <= now + SKEW:
            raise NotProven("it is of the future")


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotProven("a time is none")
    return value
