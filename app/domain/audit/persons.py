"""The keys of persons: their values in the trail are encrypted with them, and are lost with them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.platform.audited import Row
from app.platform.database.work import UnitOfWork
from app.platform.sealing import Seal, SealBroken, SealedColumn

KEYS = SealedColumn("audit_key", "person", "key")
KEY, NONCE = 32, 12  # bytes

# In the order in which the trigger goes that a person's deletion fires: first the key, and then what waits.
PERSONS = "SELECT DISTINCT person FROM audit_personal_pending WHERE position = ANY($1::bigint[]) ORDER BY person"
MAKE = """
INSERT INTO audit_key (person, key) SELECT * FROM unnest($1::uuid[], $2::bytea[]) ON CONFLICT (person) DO NOTHING
"""
KNOWN = "SELECT person, key FROM audit_key WHERE person = ANY($1::uuid[]) ORDER BY person FOR SHARE"
TAKE = """
DELETE FROM audit_personal_pending WHERE position = ANY($1::bigint[])
RETURNING position, at, person, before::text, after::text
"""
KEEP = """
INSERT INTO audit_personal (position, at, person, ciphertext)
SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::bytea[])
"""


async def encrypt(work: UnitOfWork, seal: Seal, positions: Sequence[int]) -> None:
    """Encrypt what waits of these entries. Of persons who are gone meanwhile, it is dropped."""
    persons = [row[0] for row in await work.fetch(PERSONS, (positions,))]
    if not persons:
        return
    ciphers = await _ciphers(work, seal, persons)
    kept = [
        (position, at, person, _encrypted(ciphers[person], position, before, after))
        for position, at, person, before, after in await work.fetch(TAKE, (positions,))
        if person in ciphers
    ]
    if kept:
        await work.fetch(KEEP, tuple(map(list, zip(*kept, strict=True))))


async def _ciphers(work: UnitOfWork, seal: Seal, persons: Sequence[UUID]) -> dict[UUID, AESGCM]:
    """By their keys, which are made where there was none; locked, so that nobody destroys one before it is used."""
    known = {row[0] for row in await work.fetch(KNOWN, (persons,))}
    if new := [person for person in persons if person not in known]:
        made = [seal.close(os.urandom(KEY), KEYS.place(person)) for person in new]
        await work.fetch(MAKE, (new, made))
    rows = await work.fetch(KNOWN, (persons,))
    return {person: AESGCM(seal.open(key, KEYS.place(person))) for person, key in rows if key is not None}


def _encrypted(cipher: AESGCM, position: int, before: str | None, after: str | None) -> bytes:
    nonce = os.urandom(NONCE)
    text = msgspec.json.encode([msgspec.Raw((value or "null").encode()) for value in (before, after)])
    return nonce + cipher.encrypt(nonce, text, str(position).encode())


def decrypted(seal: Seal, person: UUID, key: bytes, position: int, ciphertext: bytes) -> tuple[Row, Row] | None:
    """The personal values before and after; None where they cannot be read any more."""
    try:
        cipher = AESGCM(seal.open(key, KEYS.place(person)))
        text = cipher.decrypt(ciphertext[:NONCE], ciphertext[NONCE:], str(position).encode())
    except (SealBroken, InvalidTag):
        return None
    before, after = msgspec.json.decode(text, type=tuple[Mapping[str, Any] | None, Mapping[str, Any] | None])
    return before or {}, after or {}
