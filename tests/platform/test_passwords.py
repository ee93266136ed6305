"""Hashing that is slow on purpose, and bounded."""

import asyncio
from threading import Event
from unittest.mock import create_autospec

import pytest
from pwdlib import PasswordHash

from app.kit.errors import Busy
from app.platform.passwords import NOBODYS, PasswordHasher


async def test_a_password_is_known_again_and_no_other() -> None:
    hasher = PasswordHasher(workers=2, queue=2)
    known = await hasher.hash("correct horse")
    assert known.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await hasher.hash("correct horse") != known
    assert await hasher.verify("correct horse", known)
    assert not await hasher.verify("battery staple", known)


@pytest.mark.parametrize("known", [None, "", "!", "pbkdf2_sha256$1$a$b"], ids=["none", "empty", "unusable", "foreign"])
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
