"""A real server with a database of its own, started as an operator starts it; and a real browser."""

import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.e2e.running import Running


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
        browser = await playwright.chromium.launch(executable_path=path)
        yield browser
        await browser.close()
