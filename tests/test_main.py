"""The house is put together in order and taken down in reverse, and a route without a permission has no place in it."""

import asyncio
import json
import time

import pytest
from litestar import Litestar, get
from litestar.di import NamedDependency, Provide

from app.kit.identity import Permission
from app.main import create_app
from app.platform.database.pools import Database
from app.platform.database.work import Service, UnitOfWork
from app.platform.handlers import check_routes, providers
from app.platform.handlers import get as house_get
from app.platform.handlers import post as house_post
from app.platform.module import Module
from app.platform.security import PUBLIC

PARTS = [
    "loop watch",
    "database",
    "notices",
    "changes",
    "authenticator",
    "counters of attempts",
    "resources",
    "readiness",
]


async def test_what_starts_first_stops_last(settings, capfd):
    app = create_app(settings)
    async with app.lifespan():
        pass
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    started = [line["part"] for line in told if line["event"] == "started"]
    stopped = [line["part"] for line in told if line["event"] == "stopped"]
    assert started == PARTS
    assert stopped == started[::-1]


def test_a_route_without_a_permission_is_refused_at_start_up():
    @get("/loose", sync_to_thread=False)
    def loose() -> None:
        """A handler of Litestar's own, which states none."""

    with pytest.raises(TypeError, match=r"/loose .* states no permission"):
        check_routes(Litestar([loose], openapi_config=None, logging_config=None))


def test_a_route_that_asks_for_what_no_module_declares_is_refused_at_start_up():
    hunt = Permission("sea.hunt", "hunt whales")

    @house_get("/whales", permission=hunt)
    async def list_whales() -> None:
        """Nobody could ever be granted it."""

    app = Litestar([list_whales], openapi_config=None, logging_config=None)
    with pytest.raises(TypeError, match=r"/whales asks for sea\.hunt"):
        check_routes(app)
    check_routes(app, [hunt])


def test_a_route_whose_change_nobody_would_commit_is_refused_at_start_up(settings):
    class Whaling:
        """Holds a unit of work, and is no Service."""

        def __init__(self, work: UnitOfWork) -> None:
            self.work = work

    class Hunting(Service):
        """What it ought to be."""

    def door(kind: type) -> Litestar:
        @house_post("/whales", permission=PUBLIC)
        async def hunt(hunting: NamedDependency[kind]) -> None:  # ty: ignore[invalid-type-form]
            """Hunt a whale."""

        def provide(work: NamedDependency[UnitOfWork]) -> kind:  # ty: ignore[invalid-type-form]
            return kind(work)

        dependencies = providers(Database(settings, on_oversized=print)) | {
            "hunting": Provide(provide, sync_to_thread=False)
        }
        return Litestar([hunt], dependencies=dependencies, openapi_config=None, logging_config=None)

    with pytest.raises(TypeError, match=r"/whales .* changes what nobody commits"):
        check_routes(door(Whaling))
    check_routes(door(Hunting))


def test_a_permission_is_called_after_its_module():
    with pytest.raises(ValueError, match=r"sea\.hunt: a permission of land is called land\."):
        Module(name="land", summary="Where nobody sails", permissions=[Permission("sea.hunt", "hunt whales")])


async def test_a_handler_that_blocks_the_loop_fails_its_test(client, app, monkeypatch):
    monkeypatch.setattr(app.state, "readiness", Slow(app.state.settings.logging.loop_block_ms * 1.5))
    async with asyncio.timeout(10):
        while app.state.watch._stopped:  # the loop stood still between tests: nothing is said before its next beat
            await asyncio.sleep(0.01)
    with pytest.raises(AssertionError, match="GET /ready blocked the event loop"):
        await client.get("/ready")


class Slow:
    """A readiness that takes its time, so many milliseconds, on the loop."""

    def __init__(self, ms: float) -> None:
        self.ms = ms

    @property
    def draining(self) -> bool:
        time.sleep(self.ms / 1000)
        return False
