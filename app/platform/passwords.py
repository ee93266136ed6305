"""Password hashes: argon2id, in a few threads of their own, with a short queue before them."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import BoundedSemaphore
from time import monotonic, thread_time
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.kit.errors import Busy
from app.platform.foreign_hashes import argon2_form, comparison

T = TypeVar("T")

# RFC 9106, section 4, the choice for little memory: 3 passes over 64 MiB. One lane instead of its four: each lane is a
# thread, and four times as many would compete with the event loop for the processors.
PASSES, MEMORY, LANES = 3, 65_536, 1
SALT, DIGEST = 16, 32  # bytes
MARGIN = 1.25  # of the time that a refusal takes over that of a comparison, which is not the same each time


def _zeros(count: int) -> str:
    return b64encode(bytes(count)).decode().rstrip("=")


NOBODYS = f"$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${_zeros(SALT)}${_zeros(DIGEST)}"


class PasswordHasher:
    """Hashes and verifies: `workers` passwords at once, `queue` more waiting, and Busy for those beyond.

    Without the bound, 40 sign-ins at once stop the process for seconds. One for each process, since the bound is its.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._argon2 = Argon2Hasher(PASSES, MEMORY, LANES, hash_len=DIGEST, salt_len=SALT)
        self._passwords = PasswordHash((self._argon2,))
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="password")
        self._places = BoundedSemaphore(workers + queue)
        self._dearest = 0.0  # seconds

    async def hash(self, password: str) -> str:
        """What may be kept of a password. Raises Busy when the queue is full."""
        return await self._in_thread(self._passwords.hash, password)

    async def verify(self, password: str, known: str | None) -> str | None:
        """The hash to keep from now on, when it is the password whose hash is known; else None. Raises Busy.

        It is another than the known one where that was made by other means, or as Django does. It is the same however
        often it is asked for: of two sign-ins at once, neither finds a hash that it does not know.

        Who is refused waits as long as the dearest comparison took so far, so that no hash, a hash of today and one
        that came with a moved user are refused alike.
        """
        began, kept = await self._in_thread(self._compare, password, known or "")
        if kept is None:
            await asyncio.sleep(began + self._dearest - monotonic())
        return kept

    def _compare(self, password: str, known: str) -> tuple[float, str | None]:
        """When the comparison began, and the hash to keep."""
        began, cost = monotonic(), thread_time()
        own = argon2_form(known)
        is_foreign = comparison(known)
        # The work is done for nobody's, too, and for what is no hash.
        matches = is_foreign(password) if is_foreign else self._passwords.verify(password, own or NOBODYS)
        # In time of the processor: one slow moment of a busy machine would hold up everybody from then on.
        self._dearest = max(self._dearest, MARGIN * (thread_time() - cost))
        if not matches or not (own or is_foreign):
            return began, None
        is_todays = known == own and not self._argon2.check_needs_rehash(known)
        return began, known if is_todays else self._renewed(password, known)

    def _renewed(self, password: str, known: str) -> str:
        # A salt has to differ between users, not to be secret: the known hash has a random one in it.
        return self._passwords.hash(password, salt=sha256(known.encode()).digest()[:SALT])

    async def _in_thread(self, work: Callable[..., T], *arguments: str) -> T:
        if not self._places.acquire(blocking=False):
            raise Busy("too many passwords are being checked", retry_after=2)
        future = self._threads.submit(work, *arguments)
        # Not when the caller leaves: a thread cannot be cancelled, and its place is taken until it ends.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)
