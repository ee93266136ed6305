"""Ann, browsers and clients at an address, what admins type, a gate before hashing, and the service by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import click
import httpx
import pytest
from click.testing import CliRunner, Result
from litestar import Litestar
from pwdlib import PasswordHash

from app.domain.accounts.models import User
from app.domain.accounts.services import AccountService
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from config.settings import Settings
from tests.conftest import SignedIn, Watched
from tests.domain.accounts.doors import OURS
from tests.domain.accounts.factories import TokenFactory, UserFactory
from tests.domain.accounts.gate import Gate
from tests.domain.accounts.holders import GROUPS, HOLDERS


@pytest.fixture
async def ann(database: Database) -> User:
    return await UserFactory.saved(database, username="ann", email="ann@example.com")


@pytest.fixture
async def token(database: Database, ann: User) -> str:
    """What Ann is signed in by."""
    return await TokenFactory.clear_for(database, ann, device="a device")


@pytest.fixture
def granted(client: httpx.AsyncClient, root: SignedIn, sign_in: Callable) -> Callable:
    """Somebody who was granted these permissions."""

    async def make(*names: str) -> SignedIn:
        user = await sign_in()
        for name in names:
            answer = await client.put(f"{HOLDERS}/{user.id}/permissions/{name}", auth=root)
            assert answer.status_code == 204, answer.text
        return user

    return make


@pytest.fixture
def group(client: httpx.AsyncClient, root: SignedIn) -> Callable:
    """The address of a new group whose members may this."""

    async def make(*names: str, name: str = "Keepers") -> str:
        answer = await client.post(GROUPS, json={"name": name, "permissions": names}, auth=root)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    return make


@pytest.fixture
async def browser(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies, and says of each request that it comes from our own pages."""
    async with httpx.AsyncClient(transport=Watched(app), base_url="http://testserver", headers=OURS) as browser:
        yield browser


@pytest.fixture
async def come(app: Litestar) -> AsyncIterator[Callable[[str], httpx.AsyncClient]]:
    """A client at an address."""
    async with AsyncExitStack() as stack:

        def at(host: str) -> httpx.AsyncClient:
            transport = Watched(app)
            transport.client = (host, 4711)
            client = httpx.AsyncClient(transport=transport, base_url="http://testserver")
            stack.push_async_callback(client.aclose)
            return client

        yield at


@pytest.fixture
def type_in(app: Litestar, settings: Settings) -> Callable[..., Awaitable[Result]]:
    """Run a command in a thread, since it has a loop of its own."""

    async def invoke(command: click.Command, *arguments: str, typed: str = "") -> Result:
        return await asyncio.to_thread(CliRunner().invoke, command, arguments, typed, obj=settings)

    return invoke


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Passwords are hashed, and verified, once the gate is open."""
    gate = Gate()

    def behind_gate(method: Callable[..., object]) -> Callable[..., object]:
        def wait(self: PasswordHash, *arguments: str, **named: object) -> object:
            gate.wait()
            return method(self, *arguments, **named)

        return wait

    monkeypatch.setattr(PasswordHash, "hash", behind_gate(PasswordHash.hash))
    monkeypatch.setattr(PasswordHash, "verify", behind_gate(PasswordHash.verify))
    yield gate
    gate.open()


@pytest.fixture
def hasher(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """The application's hasher: one thread, and one place to wait for it."""
    hasher = PasswordHasher(workers=1, queue=1)
    monkeypatch.setitem(vars(app.state.resources), "passwords", hasher)
    return hasher


@pytest.fixture
def accounts(database: Database, settings: Settings, hasher: PasswordHasher) -> Callable[[], AccountService]:
    """Make a service over a unit of work of its own."""
    return lambda: AccountService(database.unit_of_work(), database.reader(), hasher, settings.security)
