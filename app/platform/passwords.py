"""Password hashes: argon2id, in a few threads of their own, with a short queue before them."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.kit.errors import Busy

T = TypeVar("T")

# RFC 9106, section 4, the choice for little memory: 3 passes over 64 MiB. One lane instead of its four: each lane is a
# thread, and four times as many would compete with the event loop for the processors.
PASSES, MEMORY, LANES = 3, 65_536, 1
SALT, DIGEST = 16, 32  # bytes


def _zeros(count: int) -> str:
    return b64encode(bytes(count)).decode().rstrip("=")


NOBODYS = f"$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${_zeros(SALT)}${_zeros(DIGEST)}"


class PasswordHasher:
    """Hashes and verifies: `workers` passwords at once, `queue` more waiting, and Busy for those beyond.

    Without the bound, 40 sign-ins at once stop the process for seconds. One for each process, since the bound is its.
    """

    def __init__(self, workers: int, queue: int) -> None:
        argon2 = Argon2Hasher(PASSES, MEMORY, LANES, hash_len=DIGEST, salt_len=SALT)
        self._passwords = PasswordHash((argon2,))
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="password")
        self._places = BoundedSemaphore(workers + queue)

    async def hash(self, password: str) -> str:
        """What may be kept of a password. Raises Busy when the queue is full."""
        return await self._in_thread(self._passwords.hash, password)

    async def verify(self, password: str, known: str | None) -> bool:
        """Whether it is the password whose hash is known; without a hash, no, after the same work. Raises Busy."""
        is_hash = known is not None and Argon2Hasher.identify(known)
        matches = await self._in_thread(self._passwords.verify, password, known if is_hash else NOBODYS)
        return is_hash and matches

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        if not self._places.acquire(blocking=False):
            raise Busy("too many passwords are being checked", retry_after=2)
        future = self._threads.submit(work, *arguments)
        # Not when the caller leaves: a thread cannot be cancelled, and its place is taken until it ends.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)
