"""A browser that goes to a provider and back, and what else tests of it need; pytest finds the fixtures by import."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.openid_providers import ProviderService
from app.domain.accounts.openid_schemas import ManagedProvider, NewProvider
from app.platform.database.pools import Database
from tests.conftest import Watched
from tests.domain.accounts.provider import CLIENT, SECRET, Provider

BASE = "/api/v1/accounts"
PROVIDERS, IDENTITIES, ME = f"{BASE}/providers", f"{BASE}/identities", f"{BASE}/me"
OURS = {"Sec-Fetch-Site": "same-origin"}
HERE = "http://localhost:8000"
GO = "/account/openid/fake"
TOKEN, KEYS, CONFIGURATION = "/token", "/keys", "/.well-known/openid-configuration"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """One that is up."""
    provider = Provider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def trusted(app: Litestar, provider: Provider) -> AsyncIterator[ManagedProvider]:
    """It, trusted as `fake`; what the process knows of it is forgotten afterwards."""
    yield await trust(app, "fake", provider.issuer)
    app.state.pop("directory", None)


async def trust(app: Litestar, name: str, issuer: str, secret: str = SECRET) -> ManagedProvider:
    database: Database = app.state.database
    service = ProviderService(database.unit_of_work(), app.state.resources.sealing, app.state.settings)
    new = NewProvider(name=name, label="Fake", issuer=issuer, client_id=CLIENT, client_secret=secret)
    return await service.work.run(lambda: service.add(new))


def a_browser(app: Litestar) -> httpx.AsyncClient:
    """It follows redirects, between this installation and providers."""
    return httpx.AsyncClient(base_url=HERE, mounts={HERE: Watched(app)}, follow_redirects=True, trust_env=False)


@pytest.fixture
async def browser(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with a_browser(app) as browser:
        yield browser


async def gone_to(browser: httpx.AsyncClient, where: str) -> str:
    """Sign in at the provider, and stop before coming back: the address there, as path and query."""
    answer = await browser.get(where, follow_redirects=False)
    at_provider = await browser.get(answer.headers["location"], follow_redirects=False)
    back = urlsplit(at_provider.headers["location"])
    return f"{back.path}?{back.query}"


async def counts(database: Database) -> tuple[int, int, int]:
    """Of users, tokens and identities."""
    tables = ("user", "token", "identity")
    rows = [await database.reader().fetch(f"SELECT count(*) FROM accounts_{table}", ()) for table in tables]
    return rows[0][0][0], rows[1][0][0], rows[2][0][0]


def title(answer: httpx.Response) -> str:
    return re.search(r"<h1>(.*)</h1>", answer.text)[1]


async def refused(browser: httpx.AsyncClient, database: Database, status: int, heading: str = "") -> httpx.Response:
    """One is told so on a page, and nothing has changed."""
    answer = await browser.get(GO)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert heading in title(answer)
    assert "session" not in browser.cookies
    assert await counts(database) == (0, 0, 0)
    return answer


@pytest.fixture
async def browsers(app: Litestar) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Of several people."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(a_browser(app)) for _ in range(4)]
