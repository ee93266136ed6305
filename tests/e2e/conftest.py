"""A real server with a database of its own, started as an operator starts it; and a real browser."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.databases import cloned
from tests.e2e.house import House
from tests.e2e.looking import Visitor, visiting
from tests.e2e.running import Running

# What a machine for tests has no use for. No name is looked up, so that nothing foreign is ever asked.
SPARING = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--in-process-gpu",  # there is none: to draw costs a quarter less without another process for it
]


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, a process leaves what it has for a while where nobody else looks."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def server(lent_database_url: str) -> Iterator[Running]:
    """A server with development's ease, on an empty migrated database."""
    with Running("serve", database_url=lent_database_url, environment="development") as server:
        server.until_answer()
        yield server
        server.interrupt()
        server.ended()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium; Playwright's synchronous face would leave its loop running under all later tests."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium on this machine: on Debian, `apt install chromium`")
    expect.set_options(timeout=30_000)  # only a failure takes so long
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=SPARING)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def staffed(server_url: str, template: str) -> Iterator[House]:
    """A server with development's ease, on a database of its own: one for all that is done at the admin site."""
    with cloned(server_url, template) as url, House(url) as house:
        house.until_answer()
        yield house
        house.interrupt()
        house.ended()


@pytest.fixture(scope="session")
async def chief(chromium: Browser, staffed: House) -> AsyncIterator[Visitor]:
    """A superuser, signed in: one for all journeys."""
    async with staffed.staff(chromium, "ahab", is_superuser=True) as visitor:
        yield visitor


@pytest.fixture
async def visitor(chromium: Browser, staffed: House) -> AsyncIterator[Visitor]:
    """Somebody who comes to the site, not signed in."""
    async with visiting(chromium, staffed.site) as visitor:
        yield visitor
