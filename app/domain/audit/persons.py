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
PUT_OFF = "SELECT DISTINCT person FROM audit_personal_pending WHERE xid IS NOT NULL ORDER BY person"
MAKE = """
INSERT INTO audit_key (person, key) SELECT * FROM unnest($1::uuid[], $2::bytea[]) ON CONFLICT (person) DO NOTHING
"""
KNOWN = "SELECT person, key FROM audit_key WHERE person = ANY($1::uuid[]) ORDER BY person FOR SHARE"
TAKE = """
DELETE FROM audit_personal_pending WHERE position = ANY($1::bigint[]) AND person <> ALL($2::uuid[])
RETURNING position, at, person, before::text, after::text
"""
KEEP = """
INSERT INTO audit_personal (position, at, person, ciphertext)
SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::bytea[])
"""


# They are sealed without what waits: where to find them again, once the key opens.
PUT_THEM_OFF = """
UPDATE audit_personal_pending AS q SET xid = e.xid FROM unnest($1::bigint[], $2::bigint[]) AS e (xid, position)
WHERE q.position = e.position AND q.person = ANY($3::uuid[]) AND q.xid IS NULL
"""


async def encrypt(work: UnitOfWork, seal: Seal, entries: Sequence[tuple[int, int]]) -> dict[UUID, str]:
    """Encrypt what was put off of these entries, by transaction and position. Of persons who are gone, it is dropped.

    Returns the persons whose key does not open, and why: what is personal of them waits on.
    """
    positions = [position for _, position in entries]
    persons = [row[0] for row in await work.fetch(PERSONS, (positions,))]
    if not persons:
        return {}
    ciphers, broken = await ciphers_of(work, seal, persons)
    if broken:
        await work.fetch(PUT_THEM_OFF, ([xid for xid, _ in entries], positions, list(broken)))
    await keep(work, ciphers, await work.fetch(TAKE, (positions, list(broken))))
    return broken


async def keep(work: UnitOfWork, ciphers: Mapping[UUID, AESGCM], rows: Sequence[Any]) -> None:
    """Encrypt personal values: position, moment, person, before and after each. Of persons without a cipher, none."""
    kept = [
        (position, at, person, _encrypted(ciphers[person], position, before, after))
        for position, at, person, before, after in rows
        if person in ciphers
    ]
    if kept:
        await work.fetch(KEEP, tuple(map(list, zip(*kept, strict=True))))


async def put_off(work: UnitOfWork, seal: Seal) -> tuple[list[UUID], dict[UUID, str]]:
    """Of whom something waits though it is sealed: those whose key opens by now; those whose does not, and why."""
    persons = [row[0] for row in await work.fetch(PUT_OFF, ())]
    if not persons:
        return [], {}
    ciphers, broken = await ciphers_of(work, seal, persons)
    return list(ciphers), broken


async def ciphers_of(
    work: UnitOfWork, seal: Seal, persons: Sequence[UUID]
) -> tuple[dict[UUID, AESGCM], dict[UUID, str]]:
    """By their keys, which are made where there was none; locked, so that nobody destroys one before it is used.

    And those whose key does not open: one of them must not hold up all others.
    """
    known = {row[0] for row in await work.fetch(KNOWN, (persons,))}
    if new := [person for person in persons if person not in known]:
        made = [seal.close(os.urandom(KEY), KEYS.place(person)) for person in new]
        await work.fetch(MAKE, (new, made))
    ciphers: dict[UUID, AESGCM] = {}
    broken: dict[UUID, str] = {}
    for person, key in await work.fetch(KNOWN, (persons,)):
        try:
            if key is not None:
                ciphers[person] = AESGCM(seal.open(key, KEYS.place(person)))
        except SealBroken as error:
            broken[person] = str(error)
    return ciphers, broken


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
