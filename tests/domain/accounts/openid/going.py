"""How a browser goes to a provider and comes back, and what that leaves."""

from urllib.parse import urlsplit

import httpx
from litestar import Litestar

from app.domain.accounts.openid_providers import ProviderService
from app.domain.accounts.openid_schemas import ManagedProvider, NewProvider
from app.platform.database.pools import Database
from tests.conftest import Watched
from tests.domain.accounts.doors import BASE
from tests.domain.accounts.openid.provider import CLIENT, SECRET
from tests.domain.accounts.pages import title

PROVIDERS, IDENTITIES = f"{BASE}/providers", f"{BASE}/identities"
HERE = "http://localhost:8000"
GO = "/account/openid/fake"
TOKEN, KEYS, CONFIGURATION = "/token", "/keys", "/.well-known/openid-configuration"


async def trust(app: Litestar, name: str, issuer: str, secret: str = SECRET) -> ManagedProvider:
    database: Database = app.state.database
    service = ProviderService(database.unit_of_work(), app.state.resources.sealing, app.state.settings)
    new = NewProvider(name=name, label="Fake", issuer=issuer, client_id=CLIENT, client_secret=secret)
    return await service.work.run(lambda: service.add(new))


def a_browser(app: Litestar) -> httpx.AsyncClient:
    """It follows redirects, between this installation and providers."""
    return httpx.AsyncClient(base_url=HERE, mounts={HERE: Watched(app)}, follow_redirects=True, trust_env=False)


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


async def refused(browser: httpx.AsyncClient, database: Database, status: int, heading: str = "") -> httpx.Response:
    """One is told so on a page, and nothing has changed."""
    answer = await browser.get(GO)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert heading in title(answer)
    assert "session" not in browser.cookies
    assert await counts(database) == (0, 0, 0)
    return answer
