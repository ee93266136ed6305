"""A worker's sign of life, and the worker that cannot leave one."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.platform import heartbeat


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sign is left, often."""
    monkeypatch.setattr(heartbeat, "heartbeat_file", lambda: tmp_path / "worker")
    monkeypatch.setattr(heartbeat, "EVERY", 0.001)
    return tmp_path / "worker"


@pytest.fixture
def planted(file: Path, tmp_path: Path) -> Path:
    """What somebody else's link in its place leads to."""
    file.symlink_to(tmp_path / "planted")
    return tmp_path / "planted"


@pytest.fixture
def folder(file: Path) -> Path:
    """A folder in its place."""
    file.mkdir()
    return file


@pytest.mark.usefixtures("file")
async def test_it_is_there_while_the_worker_lives_alone():
    async with heartbeat.beating(), asyncio.timeout(10):
        while heartbeat.age() is None:
            await asyncio.sleep(0.001)
    assert heartbeat.age() is None


async def test_what_stands_in_its_way_ends_nothing_and_is_told_once(file: Path, planted: Path):
    with capture_logs() as told:
        async with heartbeat.beating(), asyncio.timeout(10):
            while not told:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.01)
            await asyncio.to_thread(file.unlink)
            while heartbeat.age() is None:
                await asyncio.sleep(0.001)
    assert [line["event"] for line in told] == ["no sign of life can be left"]
    assert not await asyncio.to_thread(planted.exists)


async def test_a_file_that_cannot_be_taken_away_does_not_spoil_the_end(folder: Path):
    with capture_logs():
        async with heartbeat.beating():
            await asyncio.sleep(0.01)
    assert await asyncio.to_thread(folder.is_dir)
