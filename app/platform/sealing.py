"""Secrets at rest: what has to be read again is encrypted by the keys of LITEHOUSE_SECRET_KEYS, bound to its place.

AES-256-GCM; a sealed secret is a version, the id of its key, a nonce, and the ciphertext with its tag. The first key
seals, all of them open. Each is bound to the place where it stands: moved to another row it opens no more.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.kit.errors import Busy
from app.platform.database.work import Source
from config.settings import Settings

VERSION = b"\x01"
KEY, KEY_ID, NONCE = 32, 4, 12  # bytes
MARK = len(VERSION) + KEY_ID
MARKS = "SELECT substring({column} FROM 1 FOR {mark}), count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1"
OWN_KEY = "secret.key"  # in the data folder, of an installation that is not production's
WITHOUT_KEYS = "this cannot be done here before its operator has set LITEHOUSE_SECRET_KEYS"


class SealBroken(Exception):
    """None of the keys opens it, in this place."""


class SealedColumn(NamedTuple):
    """A column of sealed secrets, and the UUID by which its rows are told apart; modules offer theirs."""

    table: str
    key: str
    column: str

    def place(self, row: object) -> str:
        """What the secret of this row is bound to."""
        return f"{self.table}.{self.column}:{row}"


class Seal:
    """Seals with the first key and opens with each."""

    def __init__(self, keys: Sequence[str]) -> None:
        made = [_made(key) for key in keys]
        self._ciphers = dict(reversed(made))
        self.mark, self._first = made[0]  # with which all begins that the first key has sealed

    def knows(self, mark: bytes) -> bool:
        """Whether one of the keys has sealed what begins so."""
        return mark in self._ciphers

    def close(self, secret: bytes, place: str) -> bytes:
        """The secret, to be kept in this place."""
        nonce = os.urandom(NONCE)
        return self.mark + nonce + self._first.encrypt(nonce, secret, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The secret that was kept in this place. Raises SealBroken."""
        cipher = self._ciphers.get(sealed[:MARK])
        if cipher is None:
            raise SealBroken("its key is not among LITEHOUSE_SECRET_KEYS")
        try:
            return cipher.decrypt(sealed[MARK : MARK + NONCE], sealed[MARK + NONCE :], place.encode())
        except InvalidTag as error:
            raise SealBroken("it was changed, or stood in another place") from error


def _made(key: str) -> tuple[bytes, AESGCM]:
    derived = HKDF(SHA256(), KEY + KEY_ID, salt=None, info=b"litehouse secrets at rest").derive(key.encode())
    return VERSION + derived[KEY:], AESGCM(derived[:KEY])


async def lost(source: Source, settings: Settings, columns: Iterable[SealedColumn]) -> AsyncIterator[str]:
    """A line for each key that secrets were sealed with, and that is not there any more."""
    for column in columns:
        marks = await source.fetch(MARKS.format(**column._asdict(), mark=MARK), ())
        known = {_made(key)[0] for key in present_keys(settings)} if marks else set()
        for mark, count in marks:
            if mark not in known:
                yield f"{count} secrets of {column.table} have no key {_place_of_keys(settings)}"


class Sealing:
    """The installation's seal, made at its first use; one in each process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seal: Seal | None = None

    async def seal(self) -> Seal:
        """It. Raises Busy in production without keys."""
        if self._seal is None:
            self._seal = Seal(await asyncio.to_thread(keys_of, self._settings))
        return self._seal

    async def derived(self, purpose: str) -> bytes:
        """A key for another purpose, from the first one: 32 bytes. Raises Busy in production without keys."""
        [key, *_] = await asyncio.to_thread(keys_of, self._settings)
        return HKDF(SHA256(), KEY, salt=None, info=f"litehouse {purpose}".encode()).derive(key.encode())


def keys_of(settings: Settings) -> list[str]:
    """The keys that are set, else one of the installation's own, which is no production's. Raises Busy."""
    return present_keys(settings) or [_own_key(_own_place(settings))]


def present_keys(settings: Settings) -> list[str]:
    """The same, but where the installation has no key yet, none is made. Raises Busy."""
    if given := settings.security.secret_keys:
        return [key.get_secret_value() for key in given]
    if settings.production:
        raise Busy(WITHOUT_KEYS, retry_after=3600)
    own = _own_place(settings)
    return [own.read_text()] if own.exists() else []


def _own_place(settings: Settings) -> Path:
    return settings.database.data_folder / OWN_KEY


def _place_of_keys(settings: Settings) -> str:
    return "among LITEHOUSE_SECRET_KEYS" if settings.security.secret_keys else f"in {_own_place(settings)}"


def _own_key(path: Path) -> str:
    """Made by the first who asks: written whole under another name, so that nobody reads a part of it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(KEY))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text()
