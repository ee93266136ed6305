"""A word from process to process: heard at once, and again after the listener lost its connection."""

import asyncio

import pytest

from app.platform import notices as telling
from app.platform.database.pools import Database
from app.platform.notices import Notices
from tests.conftest import Aside

CHANNEL = "test_notices"
END = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = 'litehouse notices' AND datname = current_database()
"""


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "AGAIN", 0.01)
    monkeypatch.setattr(telling, "CHECKED_EVERY", 1.0)


async def rung(bell: asyncio.Event) -> None:
    """Wait for it, and make it ready for the next time."""
    async with asyncio.timeout(30):
        await bell.wait()
    bell.clear()


@pytest.mark.usefixtures("_impatient")
async def test_a_listener_that_lost_its_connection_hears_again(database: Database, aside: Aside):
    notices = Notices(database)
    bell = notices.bell(CHANNEL)
    connection = await aside.connection()
    async with notices.lifespan(), notices.listening():
        await rung(bell)  # it listens now, and looks for what was told before
        assert len(await connection.fetch(END)) == 1
        await rung(bell)  # it asks now and then whether its connection lives, and looks once it has another
        notices.tell(CHANNEL)
        await rung(bell)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("error", [ConnectionRefusedError, TimeoutError, KeyError], ids=lambda error: error.__name__)
async def test_a_listener_survives_whatever_its_connection_does(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    connect, tries = database.connect_aside, []

    async def fail_once(name: str):
        tries.append(name)
        if len(tries) == 1:
            raise error
        return await connect(name)

    monkeypatch.setattr(database, "connect_aside", fail_once)
    notices = Notices(database)
    bell = notices.bell(CHANNEL)
    async with notices.lifespan(), notices.listening():
        await rung(bell)
    assert len(tries) == 2
