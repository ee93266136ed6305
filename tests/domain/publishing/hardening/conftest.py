"""The server under attack: started as an operator starts it, with a migrated database of its own, once a worker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import asyncpg
import pytest

from tests.databases import cloned
from tests.domain.publishing.hardening.people import Person
from tests.domain.publishing.hardening.wire import Answer, ask
from tests.e2e.running import Running
from tests.e2e.serving import Quick, serving


@pytest.fixture(scope="session")
def attacked_url(server_url: str, template: str) -> Iterator[str]:
    """The database of the server that is attacked."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def server(attacked_url: str) -> Iterator[Running]:
    """A server that all attacks of a worker share: whatever one does to it, the next must not notice."""
    with serving(attacked_url, Quick) as server:
        yield server


@pytest.fixture
async def http(server: Running) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps its connections."""
    async with aiohttp.ClientSession(server.origin) as session:
        yield session


@pytest.fixture
def answer(server: Running) -> Callable[..., Answer]:
    """Send bytes to the server, which must answer."""

    def answer(*pieces: bytes) -> Answer:
        answered = ask(server.port, *pieces)
        assert answered is not None, "closed without a word"
        return answered

    return answer


@pytest.fixture(scope="session")
def person(server: Running) -> Person:
    """Somebody who has signed up, for all who leave them as they are."""
    return Person.join(server.origin)


@pytest.fixture
def newcomer(server: Running) -> Person:
    """Somebody who has signed up for this test alone."""
    return Person.join(server.origin)


@pytest.fixture
def superuser(newcomer: Person, attacked_url: str) -> Person:
    """Somebody who has signed up for this test alone, and may everything."""
    asyncio.run(_raise(newcomer.username, attacked_url))
    return newcomer


async def _raise(username: str, url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE accounts_user SET is_superuser = true WHERE username = $1", username)
    finally:
        await connection.close()
