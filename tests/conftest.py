"""A real PostgreSQL for every test: a migrated template, cloned per worker; tests commit, what changed is emptied."""

import asyncio
import gc
import hashlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from litestar import Litestar

from app.domain.accounts import authentication
from app.kit.identity import ANONYMOUS
from app.main import create_app
from app.platform import passwords, ratelimit
from app.platform.cache import cache
from app.platform.database import changes
from app.platform.database.caller import ORIGIN
from app.platform.database.pools import Database
from app.platform.database.work import UnitOfWork
from app.platform.jobs.declaration import Job
from app.platform.jobs.job_work import JobWork
from app.platform.mail.message import Mail
from app.platform.module import audited, installed
from app.platform.observability.identity import IDS
from app.platform.postgres.sharing import share
from config.modules import MODULES
from config.settings import Settings, load
from tests import plugins
from tests.cheap import PARAMETERS
from tests.clients import SignedIn, Watched, insert_user
from tests.databases import Aside, cloned, empty, evacuate, make_template, raze
from tests.outbox import Outbox
from tests.plugins import collect_garbage
from tests.statements import Counter, counting

ROOT = Path(__file__).resolve().parents[1]
READERS = count(1)  # of names that nobody has
# Fifty requests at once are work for a while, and thrice that where coverage counts lines, or all processors are busy.
BLOCK_MS = "900" if os.environ.get("CI") or "COVERAGE_PROCESS_START" in os.environ else "300"

# Hundreds of processes are started: where the environment forbids it, each would compile the house and its libraries.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(plugins)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves in production."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session", autouse=True)
def _loggers_follow_the_configuration() -> Iterator[None]:
    """In production a logger keeps its first output; here the next test must be able to read what it says."""
    configure = structlog.configure

    def configure_uncached(**options: Any) -> None:
        configure(**options | {"cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", configure_uncached)
        yield


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A PostgreSQL of the tests' own, shared by the workers of a run and stopped by the last of them."""
    with share(ROOT / ".data" / "test", settings={"fsync": "off", "full_page_writes": "off"}) as server:
        yield server.url


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of the migrated database that others are cloned from; it is made anew when a migration changes."""
    text = b"".join(path.read_bytes() for path in sorted((ROOT / "migrations").rglob("*.py")))
    text += repr([one.arguments for one in audited(installed(MODULES)).values()]).encode()  # of triggers
    name = f"template_{hashlib.sha256(text).hexdigest()[:12]}"
    asyncio.run(make_template(server_url, name))
    return name


@pytest.fixture(scope="session")
def database_url(server_url: str, template: str) -> Iterator[str]:
    """This worker's migrated database."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture
def fresh_database_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated database that is made for one test alone: for what changes its schema."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def _lent(server_url: str, template: str) -> Iterator[str]:
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture
def lent_database_url(_lent: str) -> Iterator[str]:
    """A migrated database without rows, for one test after the other: for real servers and other processes.

    Not for what changes its schema.
    """
    yield _lent
    evacuate(_lent)


@pytest.fixture(scope="session")
def _bare(server_url: str) -> Iterator[str]:
    with cloned(server_url, "template1") as url:
        yield url


@pytest.fixture
def empty_database_url(_bare: str) -> Iterator[str]:
    """A database with nothing in it, whatever a test makes in its schema `public`."""
    yield _bare
    raze(_bare)


@pytest.fixture(scope="session")
def settings(database_url: str) -> Settings:
    """The settings of the tests' application."""
    environ = {"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_LOOP_BLOCK_MS": BLOCK_MS}
    environ["LITEHOUSE_ADMIN"] = "true"
    environ["LITEHOUSE_POOL_TIMEOUT"] = "20"  # a test is not about how soon a busy machine connects
    environ["LITEHOUSE_CACHE_VALUE_BYTES"] = "0"  # a test must not be told what the one before it had computed
    return load(env_file=None, environ=environ)


@pytest.fixture(scope="session")
async def house(settings: Settings, counter: Counter) -> AsyncIterator[Litestar]:
    """The application, started once a worker."""
    app = create_app(settings)
    with pytest.MonkeyPatch.context() as patch:
        for part, pause in (
            (authentication, "WRITTEN_EVERY"),
            (changes, "CLEARED_EVERY"),
            (cache, "LOOKED_EVERY"),
            (ratelimit, "SWEEP_SECONDS"),
        ):
            patch.setattr(part, pause, 3600.0)  # else a test that counts statements counts theirs
        async with app.lifespan():
            collect_garbage()
            gc.set_threshold(gc.get_threshold()[0], 10, 1_000_000)
            yield app


@pytest.fixture(scope="session")
async def aside(database_url: str) -> AsyncIterator[Aside]:
    """The tests' own connection to their database."""
    aside = Aside(database_url)
    yield aside
    await aside.close()


@pytest.fixture(autouse=True)
def _passwords_cost_little(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a second each, else, where a test is about something else."""
    if not request.node.get_closest_marker("dear_passwords"):
        for name, value in PARAMETERS.items():
            monkeypatch.setattr(passwords, name, value)


@pytest.fixture
async def app(house: Litestar, aside: Aside, _passwords_cost_little: None) -> AsyncIterator[Litestar]:
    """The application, on a database that is empty again after the test."""
    vars(house.state.resources).pop("passwords", None)  # of the test before, whose passwords may have been dearer
    IDS.set(None)  # a job that the test before did in its own task has left its name
    ORIGIN.set("")
    # Nobody listens, unless a test has somebody do it, and to tell is a statement as well.
    house.state.database.on_published = house.state.database.on_enqueued = None
    yield house
    left = taken_back()
    await empty(await aside.connection())
    assert not left, "a cancellation was left standing"


def taken_back() -> int:
    """How many cancellations stand in the task that runs all tests: anyio's next scope would let one of them out."""
    task, left = asyncio.current_task(), 0
    while task and task.cancelling():
        task.uncancel()
        left += 1
    return left


@pytest.fixture
def database(app: Litestar) -> Database:
    """The application's database."""
    return app.state.database


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, in process."""
    async with httpx.AsyncClient(transport=Watched(app), base_url="http://testserver") as client:
        yield client


@pytest.fixture
def sign_in(app: Litestar, aside: Aside) -> Callable[..., object]:
    """Make a user and a token for them, without the cost of a password."""

    async def make(username: str = "", *, is_superuser: bool = False, is_staff: bool = False) -> SignedIn:
        username = username or f"reader-{next(READERS)}"
        token = f"lh_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(token.encode()).digest()
        async with asyncio.timeout(10):
            user = await insert_user(await aside.connection(), username, digest, (is_superuser, is_staff))
        return SignedIn(user, username, f"{username}@example.com", token)

    return make


@pytest.fixture
async def root(sign_in: Callable) -> SignedIn:
    """A superuser."""
    return await sign_in("root", is_superuser=True)


@pytest.fixture
def do(app: Litestar, database: Database) -> Callable[..., Awaitable[None]]:
    """Have one job done, in a transaction of its own, as a worker does it."""

    async def do(job: Job, **arguments: object) -> None:
        work = JobWork(database, app.state.resources, ANONYMOUS, lambda *_: None)
        await work.run(lambda: job.handler(work, **arguments))

    return do


@pytest.fixture
def prove(aside: Aside) -> Callable[..., object]:
    """Have a user proved who they are a moment ago."""

    async def prove(user: SignedIn) -> SignedIn:
        connection = await aside.connection()
        await connection.execute("UPDATE accounts_token SET proved_at = now() WHERE user_id = $1", user.id)
        return user

    return prove


@pytest.fixture
def outbox(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """What is written down for a worker. That just this comes out of it is for tests/platform/mail to show."""
    outbox, mailer = Outbox(), app.state.resources.mailer
    write = mailer.send

    async def send(work: UnitOfWork, mail: Mail) -> None:
        await write(work, mail)
        if mail.to:
            work.after_commit(partial(outbox.keep, mail))

    monkeypatch.setattr(mailer, "send", send)
    return outbox


@pytest.fixture(scope="session")
def counter() -> Iterator[Counter]:
    with counting() as counter:
        yield counter


@pytest.fixture
def statements(counter: Counter) -> Callable[..., object]:
    """`with statements(at_most=4):` fails when more were sent; it yields the list of them."""

    @contextmanager
    def watch(*, at_most: int | None = None) -> Iterator[list[str]]:
        before = len(counter.statements)
        sent: list[str] = []
        yield sent
        sent += counter.statements[before:]
        assert at_most is None or len(sent) <= at_most, "\n".join(sent)

    return watch
