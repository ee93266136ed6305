"""A receiver of the tests' own, over HTTP; it can be had to misbehave. And a worker that tells it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from uuid import UUID

import httpx
import pytest
from aiohttp import web

from app.domain.webhooks.module import module
from app.domain.webhooks.permissions import MANAGE_WEBHOOKS
from app.domain.webhooks.subscribers import tell_endpoints
from app.kit.event import Event
from app.platform.events.delivery import Delivery, subscribe
from app.platform.events.sequencer import sequence
from app.platform.jobs.queue import QUEUED
from app.platform.jobs.running import Crew
from app.platform.mail.sending import send_mail
from app.platform.notices import Notices
from app.platform.resources import Resources
from tests.conftest import Aside, SignedIn

HOOKS = "/api/v1/webhooks"
OK = web.Response
SEEN = "webhooks.whale_seen"


class WhaleSeen(Event, frozen=True):
    """The name of its module is that of the folder of tests."""

    about = "name"

    name: str


class Receiver:
    """What comes in is kept, with the bytes of its body; `answer` says how the n-th is answered, from 1."""

    def __init__(self) -> None:
        self.got: list[tuple[web.Request, bytes]] = []
        self.answer: Callable[[int], web.StreamResponse] = lambda _: OK()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.inside = self.most = 0
        self.hangs_up = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append((request, await request.read()))
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if self.hangs_up:
                request.transport.close()
            await self.goes_on.wait()
            return self.answer(len(self.got))
        finally:
            self.inside -= 1

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request, _ in self.got]

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, body in self.got]

    async def until(self, count: int) -> None:
        """Wait until so many have come in."""
        async with asyncio.timeout(30):
            while len(self.got) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def receive() -> AsyncIterator[Callable]:
    """Make receivers."""
    async with AsyncExitStack() as stack:

        async def make() -> Receiver:
            receiver, app = Receiver(), web.Application()
            app.router.add_route("*", "/{path:.*}", receiver.handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.callback(receiver.goes_on.set)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
            return receiver

        yield make


@pytest.fixture
async def receiver(receive: Callable) -> Receiver:
    return await receive()


@pytest.fixture
async def manager(client: httpx.AsyncClient, sign_in: Callable) -> SignedIn:
    """Somebody who manages webhooks, and is nothing more."""
    root, manager = await sign_in(is_superuser=True), await sign_in("manager")
    path = f"/api/v1/accounts/holders/{manager.id}/permissions/{MANAGE_WEBHOOKS.name}"
    assert (await client.put(path, auth=root)).status_code == 204
    return manager


@pytest.fixture
def create(client: httpx.AsyncClient, manager: SignedIn) -> Callable:
    """Make an endpoint; its id and its secret."""

    async def create(url: str, *events: str, **given: str) -> tuple[str, str]:
        body = {"url": url, "events": events or ["*"], **given}
        made = await client.post(f"{HOOKS}/endpoints", json=body, auth=manager)
        assert made.status_code == 201, made.text
        return made.json()["endpoint"]["id"], made.json()["secret"]

    return create


@pytest.fixture
def eventually(aside: Aside) -> Callable:
    """Wait until what is asked has no rows."""

    async def eventually(no: str, *given: object) -> None:
        connection = await aside.connection()
        async with asyncio.timeout(30):
            while await connection.fetch(f"{no} LIMIT 1", *given):
                await asyncio.sleep(0.01)

    return eventually


@pytest.fixture
def deliveries(client: httpx.AsyncClient, manager: SignedIn, eventually: Callable) -> Callable:
    """An endpoint's messages, the newest first, once all of them are in one of the states that are named."""

    async def deliveries(endpoint: str, *states: str) -> list[dict]:
        if states:
            no = "SELECT FROM webhooks_delivery WHERE endpoint_id = $1 AND state <> ALL($2)"
            await eventually(no, UUID(endpoint), list(states))
        told = await client.get(f"{HOOKS}/endpoints/{endpoint}/deliveries", auth=manager)
        return told.json()["items"]

    return deliveries


@pytest.fixture
async def publish(database) -> Callable:
    """Publish events, and have webhooks hear of them."""
    await subscribe(database, [tell_endpoints.name])
    delivery = Delivery(database, tell_endpoints)

    async def publish(*events: Event) -> None:
        work = database.unit_of_work()

        async def do() -> None:
            for event in events:
                work.publish(event)

        await work.run(do)
        await hear()

    async def hear() -> None:
        async with asyncio.timeout(60):
            while await database.reader().fetch("SELECT FROM platform_outbox LIMIT 1", ()):
                await sequence(database)
        await delivery.advance()

    publish.hear = hear
    return publish


@pytest.fixture
def working(database, settings, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """A worker of webhooks' jobs, which is told of what is enqueued: `async with working() as resources:`."""
    monkeypatch.setattr("app.platform.jobs.running.LOOKS_EVERY", 0.05)
    monkeypatch.setattr("app.platform.jobs.running.EXPIRES_EVERY", 0.2)

    @asynccontextmanager
    async def working(places: int = 5) -> AsyncIterator[Resources]:
        notices = Notices(database)
        database.on_enqueued = partial(notices.tell, QUEUED)
        resources = Resources(replace(settings, server=settings.server.model_copy(update={"worker_jobs": places})))
        crew = Crew(database, notices, [*module.jobs, send_mail], resources)
        try:
            async with resources.lifespan(), notices.lifespan(), notices.listening(), crew.lifespan(10):
                yield resources
        finally:
            database.on_enqueued = None

    return working


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pauses are short."""
    monkeypatch.setattr("app.domain.webhooks.sending.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("app.domain.webhooks.sending.LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("app.domain.webhooks.delivering.FIRST_REST", 0.05)
    monkeypatch.setattr("app.domain.webhooks.delivering.LONGEST_REST", 0.05)
