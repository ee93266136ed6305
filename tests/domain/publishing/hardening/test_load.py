"""More clients than connections, connections held, a database that goes away: 503 at the worst, then all well."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import httpx
import pytest

from app.platform.migrations import upgrade
from app.platform.postgres.sharing import share
from tests.databases import cloned
from tests.domain.publishing.hardening.people import Person
from tests.e2e.running import PLAINLY, Running, reachable_folder
from tests.e2e.serving import Quick, serving
from tests.waiting import until_waiting

CLIENTS, ROUNDS = 60, 12
POOL_TIMEOUT = 0.5  # seconds
SLACK = 2.0  # seconds; for a machine that does other things as well
FEW = {"write_pool_size": "2", "read_pool_size": "2", "pool_timeout": str(POOL_TIMEOUT)}

Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def narrow_url(server_url: str, template: str) -> Iterator[str]:
    """The database of the narrow server."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture(scope="module")
def narrow(narrow_url: str) -> Iterator[Running]:
    """A server with two slots for writes and two for reads."""
    with serving(narrow_url, Quick, **FEW) as server:
        yield server


@asynccontextmanager
async def client(server: Running) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Answer]]]:
    """Call a server; whatever it answers is JSON, and 503, which says when to come back, the only failure."""
    async with aiohttp.ClientSession(server.origin, connector=aiohttp.TCPConnector(limit=0)) as http:

        async def call(method: str, path: str, person: Person | None = None, body: object = None) -> Answer:
            async with http.request(method, path, json=body, headers=person.headers if person else {}) as answer:
                assert answer.status < 500 or (answer.status == 503 and int(answer.headers["retry-after"]) > 0)
                return answer.status, await answer.json()

        yield call


async def test_sixty_clients_on_four_connections(narrow: Running):
    """Nothing fails but for want of a connection, and what was answered with success has happened, once."""
    people = [Person.join(narrow.origin) for _ in range(4)]
    draft = {"title": "Whales", "description": "d", "body": "b"}
    tagged = draft | {"tagList": [people[0].username]}
    async with client(narrow) as call:
        _, first = await call("POST", "/api/articles", people[0], {"article": draft})
        path = f"/api/articles/{first['article']['slug']}"
        _, before = await call("GET", "/api/articles")
        requests: dict[str, Callable[[Person], Coroutine[Any, Any, Answer]]] = {
            "publish": lambda person: call("POST", "/api/articles", person, {"article": tagged}),
            "comment": lambda person: call("POST", f"{path}/comments", person, {"comment": {"body": "!"}}),
            "favor": lambda person: call("POST", f"{path}/favorite", person),
            "unfavor": lambda person: call("DELETE", f"{path}/favorite", person),
            "revise": lambda person: call("PUT", path, person, {"article": {"body": "c"}}),
            "list": lambda person: call("GET", f"/api/articles?tag={people[0].username}", person),
            "read": lambda _: call("GET", path),
            "feed": lambda person: call("GET", "/api/articles/feed", person),
            "health": lambda _: call("GET", "/health"),
        }
        outcomes: Counter[tuple[str, int]] = Counter()

        async def visit(number: int) -> None:
            chance = random.Random(number)
            for _ in range(ROUNDS):
                name = chance.choice(list(requests))
                status, _ = await requests[name](chance.choice(people))
                outcomes[name, status] += 1

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(visit(number))

        assert outcomes.total() == CLIENTS * ROUNDS
        assert {status for _, status in outcomes} <= {200, 201, 403, 503}
        assert {status for name, status in outcomes if name == "health"} == {200}
        _, after = await call("GET", "/api/articles")
        assert after["articlesCount"] - before["articlesCount"] == outcomes["publish", 201]
        _, listed = await requests["list"](people[0])
        assert listed["articlesCount"] == outcomes["publish", 201]
        _, said = await call("GET", f"{path}/comments")
        assert len(said["comments"]) == outcomes["comment", 201]
        seen = [(await call("GET", path, person))[1]["article"] for person in people]
        assert {one["favoritesCount"] for one in seen} == {sum(one["favorited"] for one in seen)}


@pytest.mark.parametrize(
    ("lock", "method", "spared"),
    [
        ("SELECT FROM publishing_article FOR UPDATE", "PUT", "/api/articles"),
        ("LOCK TABLE publishing_article IN ACCESS EXCLUSIVE MODE", "GET", "/health"),
    ],
    ids=["writes", "reads"],
)
async def test_who_finds_no_connection_hears_of_it_in_time(
    narrow: Running, narrow_url: str, lock: str, method: str, spared: str
):
    person = Person.join(narrow.origin)
    body = {"article": {"title": "Whales", "description": "d", "body": "b"}}
    async with (
        client(narrow) as call,
        connected(narrow_url) as holder,
    ):
        made, answered = await call("POST", "/api/articles", person, body)
        assert made == 201
        path = f"/api/articles/{answered['article']['slug']}"
        async with asyncio.TaskGroup() as group, holder.transaction():
            await holder.execute(lock)
            held = [group.create_task(call(method, path, person, body)) for _ in range(2)]
            await until_waiting(narrow_url, 2)
            begun = time.monotonic()
            status, refused = await call(method, path, person, body)
            waited = time.monotonic() - begun
            assert (await call("GET", "/health"))[0] == (await call("GET", spared))[0] == 200
            assert not any(task.done() for task in held)
        assert (status, refused["code"]) == (503, "busy")
        assert POOL_TIMEOUT - 0.1 < waited < POOL_TIMEOUT + SLACK
        assert [task.result()[0] for task in held] == [200, 200]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the server's."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """Where a PostgreSQL of the test's own keeps its data."""
    with reachable_folder() as folder:
        yield folder / ".data"


@pytest.mark.long(12)
def test_a_database_that_goes_away_and_comes_back(data_folder: Path):
    """While it is away all is 503 but `/health`; afterwards the first request of each kind succeeds."""
    with ExitStack() as postgres:
        url = postgres.enter_context(share(data_folder)).url
        upgrade(url)
        with serving(url, Quick) as server:
            visitor = Visitor(server)
            visitor.open_connections()

            postgres.close()
            assert visitor.statuses() == {"health": 200, "ready": 503, "read": 503, "write": 503, "sign in": 503}
            postgres.enter_context(share(data_folder))
            server.until_answer("/ready")
            assert visitor.statuses() == {"health": 200, "ready": 200, "read": 200, "write": 201, "sign in": 200}

            visitor.open_connections()
            postgres.close()
            postgres.enter_context(share(data_folder))
            assert visitor.statuses() == {"health": 200, "ready": 200, "read": 200, "write": 201, "sign in": 200}
            assert "unhandled" not in server.said


class Visitor:
    """Somebody with an account who asks for one thing after the other."""

    def __init__(self, server: Running) -> None:
        self._person = Person.join(server.origin)
        credentials = {"email": self._person.email, "password": self._person.password}
        draft = {"title": "Whales", "description": "d", "body": "b"}
        anonymous = partial(httpx.request, **PLAINLY)
        ask = partial(anonymous, headers=self._person.headers)
        self._requests = {
            "health": partial(anonymous, "GET", f"{server.origin}/health"),
            "ready": partial(anonymous, "GET", f"{server.origin}/ready"),
            "write": partial(ask, "POST", f"{server.origin}/api/articles", json={"article": draft}),
            "read": partial(ask, "GET", f"{server.origin}/api/user"),
            "sign in": partial(ask, "POST", f"{server.origin}/api/users/login", json={"user": credentials}),
        }

    def statuses(self) -> dict[str, int]:
        """What each request is answered with, one after the other; a 503 says when to come back."""
        answers = {name: request() for name, request in self._requests.items()}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers.values() if answer.status_code == 503)
        return {name: answer.status_code for name, answer in answers.items()}

    def open_connections(self) -> None:
        """Have the server use several connections of both kinds, which then are idle."""
        with ThreadPoolExecutor(12) as threads:
            for name in ("read", "write") * 12:
                threads.submit(self._requests[name])
