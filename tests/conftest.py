"""A real PostgreSQL for every test: a migrated template, cloned per worker; tests commit, what changed is emptied."""

import asyncio
import gc
import hashlib
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import structlog
from coverage import Coverage
from litestar import Litestar
from sqlalchemy import Engine, event

from app.domain.accounts import authentication
from app.main import create_app
from app.platform import migrations, passwords, ratelimit
from app.platform.cache import cache
from app.platform.database import changes, pools
from app.platform.database.caller import ORIGIN
from app.platform.database.pools import Database
from app.platform.database.slots import Slot
from app.platform.database.work import UnitOfWork
from app.platform.mail.message import Mail
from app.platform.module import audited, installed
from app.platform.observability.identity import IDS
from app.platform.postgres.sharing import share
from config.modules import MODULES
from config.settings import Settings, load
from tests.cheap import PARAMETERS
from tests.databases import at, cloned, empty, evacuate, raze

ROOT = Path(__file__).resolve().parents[1]
READERS = count(1)  # of names that nobody has
TESTS, COLLECTED_EVERY = count(1), 200
# Fifty requests at once are work for a while, and thrice that where coverage counts lines, or all processors are busy.
BLOCK_MS = "900" if os.environ.get("CI") or "COVERAGE_PROCESS_START" in os.environ else "300"

# Hundreds of processes are started: where the environment forbids it, each would compile the house and its libraries.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


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
    asyncio.run(_make_template(server_url, name))
    return name


async def _make_template(server_url: str, name: str) -> None:
    admin = await asyncpg.connect(server_url)
    try:
        while not await admin.fetchval("SELECT pg_try_advisory_lock(7)"):
            await asyncio.sleep(0.05)  # another worker is making it
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await admin.execute('DROP DATABASE IF EXISTS "template_unfinished" WITH (FORCE)')
            await admin.execute('CREATE DATABASE "template_unfinished"')
            await asyncio.to_thread(migrations.upgrade, at(server_url, "template_unfinished"))
            await admin.execute(f'ALTER DATABASE "template_unfinished" RENAME TO "{name}"')
    finally:
        await admin.close()


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
async def house(settings: Settings, counter: "Counter") -> AsyncIterator[Litestar]:
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
            _collect()
            gc.set_threshold(gc.get_threshold()[0], 10, 1_000_000)
            yield app


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """What is old is looked through between tests: in the middle of one it would stand in the loop, for seconds."""
    if next(TESTS) % COLLECTED_EVERY == 0:
        _collect()


def _collect() -> None:
    gc.collect()
    gc.freeze()  # as a worker does: what the tests have imported is not looked through again


class Aside:
    """A connection beside the application's, kept from test to test: making one takes longer than most of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: asyncpg.Connection | None = None

    async def connection(self) -> asyncpg.Connection:
        """It, or a new one after a test that ended all there were."""
        if self._kept is None or self._kept.is_closed():
            self._kept = await asyncpg.connect(self._url)
        return self._kept

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.close()


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


class Watched(httpx.ASGITransport):
    """Calls the application in process, and fails the test whose request blocked the event loop."""

    def __init__(self, app: Litestar) -> None:
        super().__init__(app=app, raise_app_exceptions=False)
        self._watch = app.state.watch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # the loop stood still between tests: let its heartbeat catch up
        before = self._watch.blocked
        answer = await super().handle_async_request(request)
        assert self._watch.blocked == before, f"{request.method} {request.url.path} blocked the event loop"
        return answer


@dataclass
class SignedIn(httpx.Auth):
    """A user with a token: hand it to the client as `auth`."""

    id: UUID
    username: str
    email: str
    token: str

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers["Authorization"] = f"Token {self.token}"
        yield request


@pytest.fixture
def sign_in(app: Litestar, aside: Aside) -> Callable[..., object]:
    """Make a user and a token for them, without the cost of a password."""

    async def make(username: str = "", *, is_superuser: bool = False, is_staff: bool = False) -> SignedIn:
        username = username or f"reader-{next(READERS)}"
        token = f"lh_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(token.encode()).digest()
        async with asyncio.timeout(10):
            user = await _insert_user(await aside.connection(), username, digest, (is_superuser, is_staff))
        return SignedIn(user, username, f"{username}@example.com", token)

    return make


@pytest.fixture
def prove(aside: Aside) -> Callable[..., object]:
    """Have a user proved who they are a moment ago."""

    async def prove(user: SignedIn) -> SignedIn:
        connection = await aside.connection()
        await connection.execute("UPDATE accounts_token SET proved_at = now() WHERE user_id = $1", user.id)
        return user

    return prove


async def _insert_user(connection: asyncpg.Connection, username: str, digest: bytes, rank: tuple[bool, bool]) -> UUID:
    user = await connection.fetchval(
        "INSERT INTO accounts_user (username, email, password, is_superuser, is_staff) VALUES ($1, $2, '!', $3, $4)"
        " RETURNING id",
        username,
        f"{username}@example.com",
        *rank,
    )
    await connection.execute(
        "INSERT INTO accounts_token (user_id, digest, expires_at) VALUES ($1, $2, now() + interval '1 day')",
        user,
        digest,
    )
    return user


class Outbox:
    """The mails that the application left to a worker, as their units of work were committed; those to nobody not."""

    def __init__(self) -> None:
        self._kept: list[Mail] = []

    def keep(self, mail: Mail) -> None:
        self._kept.append(mail)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def subjects(self) -> list[str]:
        return [mail.subject for mail in self._kept]

    @property
    def recipients(self) -> list[str | None]:
        return [mail.to for mail in self._kept]

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self._kept if mail.to == address]

    def token(self, address: str) -> str:
        """The secret of the link in the last mail to this address."""
        [token] = re.findall(r"lh_link_[\w-]{43}", self.to(address)[-1].text)
        return token


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


class Counter:
    """Counts every statement that the process sends, the ORM's and the compiled ones."""

    def __init__(self) -> None:
        self.statements: list[str] = []


@pytest.fixture(scope="session")
def counter() -> Iterator[Counter]:
    counter = Counter()

    fetch_uncounted = Slot.fetch

    class Counted(asyncpg.Connection):
        async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
            if query != "SELECT 1":  # the pool's own question to a connection that was idle for long
                # For whom it is, and by which request, is told with it.
                counter.statements.append("BEGIN" if query.startswith("BEGIN TRANSACTION; SET") else query)
            return await super().execute(query, *args, timeout=timeout)

    async def fetch(slot: Slot, sql: str, parameters: Sequence[object]) -> list[asyncpg.Record]:
        counter.statements.append(sql)
        return await fetch_uncounted(slot, sql, parameters)

    async def connect(*args: object, **options: object) -> asyncpg.Connection:
        return await asyncpg.connect(*args, connection_class=Counted, **options)

    @event.listens_for(Engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counter.statements.append(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "connect", connect)
        patch.setattr(Slot, "fetch", fetch)
        yield counter
    event.remove(Engine, "before_cursor_execute", count)


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


@pytest.hookimpl(trylast=True)  # after the shuffling
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: each process that runs out of tests takes the later half of another's."""
    items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> int:
    mark = item.get_closest_marker("long")
    return 0 if mark is None else mark.args[0]


class FailuresAtOnce:
    """Says under CI what failed when it did: a run that is ended from outside has no summary."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = report.longreprtext.rpartition("\n")[2] if crash is None else f"{crash}"
            self._terminal.write_line(f"\n{report.nodeid} ({report.when}, {report.duration:.1f} s): {reason}", red=True)


class FirstCasesCounted:
    """Has coverage count the lines of each test's first case alone: the others run the same, in twice their time.

    Of what Hypothesis makes up, not even that: it comes upon another line now and then, and not the next time.
    """

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._counted: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The same ones in every process of a run, and in every order."""
        cases = sorted((one.nodeid for one in session.items if "is_hypothesis_test" not in one.keywords), reverse=True)
        self._counted = set({case.partition("[")[0]: case for case in cases}.values())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Nor what pytest and xdist do between tests, which is the most of it in the process that hands them out."""
        self._coverage.stop()
        try:
            return (yield)
        finally:
            self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if item.nodeid not in self._counted:
            return (yield)
        self._coverage.start()
        try:
            return (yield)
        finally:
            self._coverage.stop()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if coverage := Coverage.current():
        config.pluginmanager.register(FirstCasesCounted(coverage))
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and terminal is not None:
        config.pluginmanager.register(FailuresAtOnce(terminal))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI, where all that a test could ask for is installed, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("a test was skipped: under CI that is a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
