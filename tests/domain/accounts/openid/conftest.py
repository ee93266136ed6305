"""A provider that is up and trusted, and browsers that go there and back."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from litestar import Litestar

from app.domain.accounts.openid_schemas import ManagedProvider
from tests.domain.accounts.openid.going import a_browser, trust
from tests.domain.accounts.openid.provider import Provider


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


@pytest.fixture
async def browser(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with a_browser(app) as browser:
        yield browser


@pytest.fixture
async def browsers(app: Litestar) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Of several people."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(a_browser(app)) for _ in range(4)]
