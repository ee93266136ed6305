"""Hashing that is slow on purpose, and bounded."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from hashlib import pbkdf2_hmac
from threading import Event
from time import monotonic, thread_time
from unittest.mock import create_autospec

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.kit.errors import Busy
from app.platform.passwords import LANES, MEMORY, NOBODYS, PASSES, PasswordHasher

pytestmark = pytest.mark.dear_passwords


async def test_a_password_is_known_again_and_no_other() -> None:
    hasher = PasswordHasher(workers=2, queue=2)
    known = await hasher.hash("correct horse")
    assert known.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await hasher.hash("correct horse") != known
    assert await hasher.verify("correct horse", known) == known
    assert await hasher.verify("battery staple", known) is None


@pytest.mark.parametrize(
    ("known", "is_old"),
    [
        pytest.param(Argon2Hasher(1, 8, 1).hash("correct horse"), True, id="cheaper"),
        pytest.param(Argon2Hasher(PASSES, MEMORY, LANES, salt_len=8).hash("correct horse"), True, id="shorter salt"),
        pytest.param(f"argon2{Argon2Hasher(PASSES, MEMORY, LANES).hash('correct horse')}", True, id="as Django has it"),
        pytest.param(Argon2Hasher(PASSES, MEMORY, LANES).hash("correct horse"), False, id="today's"),
    ],
)
async def test_a_hash_of_other_parameters_is_renewed(known: str, is_old: bool) -> None:
    hasher = PasswordHasher(workers=2, queue=2)
    kept = await hasher.verify("correct horse", known)
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert (kept != known) is is_old
    assert await hasher.verify("correct horse", kept) == kept
    assert await hasher.verify("correct horse", known) == kept  # of two at once, neither is a stranger to the other
    assert await hasher.verify("battery staple", known) is None


@pytest.mark.parametrize(
    "refused",
    [pytest.param(None, id="nobody's"), pytest.param(Argon2Hasher(1, 8, 1).hash("correct horse"), id="cheap")],
)
async def test_who_is_refused_waits_as_long_as_for_the_dearest_hash(refused: str | None) -> None:
    hasher = PasswordHasher(workers=1, queue=0)
    began = thread_time_of(lambda: pbkdf2_hmac("sha256", b"battery staple", b"salt", 400_000))
    assert await hasher.verify("battery staple", f"pbkdf2_sha256$400000$salt${b64encode(bytes(32)).decode()}") is None
    start = monotonic()
    assert await hasher.verify("battery staple", refused) is None
    assert monotonic() - start >= 0.5 * began


def thread_time_of(work: Callable[[], object]) -> float:
    began = thread_time()
    work()
    return thread_time() - began


@pytest.mark.parametrize(
    "known", [None, "", "!", "!pbkdf2_sha256$1$a$b", "md5$a$b"], ids=["none", "empty", "unusable", "closed", "strange"]
)
async def test_where_there_is_no_hash_the_same_work_is_done(monkeypatch: pytest.MonkeyPatch, known: str | None) -> None:
    verify = create_autospec(PasswordHash.verify, return_value=True)
    monkeypatch.setattr(PasswordHash, "verify", verify)
    assert not await PasswordHasher(workers=1, queue=0).verify("correct horse", known)
    assert verify.call_args.args[1:] == ("correct horse", NOBODYS)


async def test_nobodys_hash_is_one_and_costs_what_others_cost() -> None:
    hasher = PasswordHasher(workers=1, queue=0)
    assert NOBODYS.split("$")[:4] == (await hasher.hash("correct horse")).split("$")[:4]
    assert not PasswordHash.recommended().verify("correct horse", NOBODYS)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Hashing ends once this is set."""
    release = Event()

    def hash_once_released(self: PasswordHash, password: str) -> str:
        assert release.wait(30)
        return f"hash of {password}"

    monkeypatch.setattr(PasswordHash, "hash", hash_once_released)
    return release


async def test_beyond_the_queue_it_is_busy_and_then_free_again(held: Event) -> None:
    hasher = PasswordHasher(workers=2, queue=1)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(hasher.hash(str(number))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy) as refusal:
            await hasher.hash("one too many")
        held.set()
    assert refusal.value.headers["Retry-After"] == "2"
    assert [task.result() for task in tasks] == ["hash of 0", "hash of 1", "hash of 2"]
    assert await hasher.hash("again") == "hash of again"


async def test_who_leaves_the_queue_makes_room(held: Event) -> None:
    hasher = PasswordHasher(workers=1, queue=1)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hasher.hash("first"))
        waiting = group.create_task(hasher.hash("leaves"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        next_one = group.create_task(hasher.hash("second"))
        await asyncio.sleep(0)
        held.set()
    assert (running.result(), next_one.result()) == ("hash of first", "hash of second")


async def test_who_leaves_a_running_thread_keeps_its_place_until_it_ends(held: Event) -> None:
    hasher = PasswordHasher(workers=1, queue=0)
    task = asyncio.create_task(hasher.hash("leaves"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(Busy):
        await hasher.hash("too early")
    held.set()
    async with asyncio.timeout(30):
        while await _is_busy(hasher):
            await asyncio.sleep(0.01)


async def _is_busy(hasher: PasswordHasher) -> bool:
    try:
        await hasher.hash("later")
    except Busy:
        return True
    return False
