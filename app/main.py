"""Composition: the only file that knows every storey; here the house is put together, and taken down in reverse."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ControllerRouterHandler
from sqlalchemy.orm import configure_mappers

from app.platform.cached_reads import CachedReads, cached_routes
from app.platform.cookies import SessionCookie
from app.platform.cors import CrossOrigin
from app.platform.database.changes import Changes
from app.platform.database.pools import Database
from app.platform.doorstep import Doorstep, methods_of
from app.platform.events.dispatcher import telling
from app.platform.forwarding import Forwarded
from app.platform.handlers import check_routes, providers
from app.platform.health import Readiness, read_health, read_metrics, read_readiness
from app.platform.module import Module, declared, installed
from app.platform.observability.logging import configure_logging, flush_log
from app.platform.observability.loop import LoopWatch
from app.platform.observability.requests import Observed
from app.platform.openapi.pages import documentation
from app.platform.problem_pages import problem_pages
from app.platform.problems import FALLBACK_500, exception_handlers
from app.platform.ratelimit import sweeping
from app.platform.request import JSONRequest, check_request
from app.platform.resources import Resources
from app.platform.security import Authenticator, Identity, KnownViewers
from app.platform.serving import stop_server
from config.modules import MODULES
from config.settings import Settings, load

log = structlog.get_logger()


def create_app(settings: Settings | None = None) -> Litestar:
    """The whole application. Raises SettingsError, LookupError for a module that is not one, TypeError for a route."""
    settings = settings or load()
    configure_logging(settings.logging.log_level)
    modules = installed(MODULES)
    database = Database(settings, on_oversized=stop_server)
    changes = Changes(database)
    readiness, watch = Readiness(), LoopWatch(settings.logging.loop_block_ms)
    authenticator, resources = _authenticator(modules, settings), Resources(settings, changes)
    configure_mappers()  # else the first query would, on the loop, for a tenth of a second
    app = House(
        route_handlers=[*_routers(modules), *_own_routes(settings)],
        dependencies=providers(database),
        middleware=[_identity(database, authenticator, settings)],
        exception_handlers=exception_handlers,
        request_class=JSONRequest,
        before_request=check_request,  # ty: ignore[invalid-argument-type] - of the class above
        request_max_body_size=settings.http.max_body_bytes,
        openapi_config=None,
        lifespan=[
            _announced("loop watch", watch),
            _announced("database", database.lifespan()),
            _announced("notices", telling(database).lifespan()),
            _announced("changes", changes.lifespan()),
            _announced("authenticator", authenticator.lifespan(database)),
            _announced("counters of attempts", sweeping(database)),
            _announced("resources", resources.lifespan()),
            _announced("readiness", readiness.lifespan()),
        ],
        logging_config=None,
        state=State(
            {"settings": settings, "modules": modules, "database": database, "readiness": readiness, "watch": watch}
        ),
    )
    app.state.resources = resources
    for route in documentation(app) if settings.http.docs_enabled else ():
        app.register(route)
    check_routes(app, declared(modules).values())
    _surround(app, changes, settings)
    return app


class House(Litestar):
    """Litestar without its plugins for pydantic and attrs: the contract is msgspec's, and one brings pydantic 1."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def _identity(database: Database, authenticator: Authenticator, settings: Settings) -> DefineMiddleware:
    known = KnownViewers()
    return DefineMiddleware(Identity, database=database, authenticate=authenticator, known=known, settings=settings)


def _surround(app: Litestar, changes: Changes, settings: Settings) -> None:
    """What must be seen of every answer, also of unknown routes and preflights, stands outside the router."""
    http, cookie = settings.http, SessionCookie.of(settings)
    app.state.kept = kept = CachedReads(app.asgi_handler, cached_routes(app), changes, http.cache_bytes, cookie)
    inside = Doorstep(kept if http.cache_bytes else app.asgi_handler, methods_of(app))
    app.asgi_handler = Observed(
        CrossOrigin(inside, http.cors_origins, credentials=http.cors_credentials), fallback=FALLBACK_500
    )
    if http.trusted_proxies:
        app.asgi_handler = Forwarded(app.asgi_handler, http.trusted_proxies)


@asynccontextmanager
async def _announced(name: str, part: AbstractAsyncContextManager[object]) -> AsyncGenerator[None]:
    """A part of the house, whose beginning and end the log tells."""
    async with part:
        log.info("started", part=name)
        yield
    log.info("stopped", part=name)
    flush_log()


def _routers(modules: Sequence[Module]) -> list[ControllerRouterHandler]:
    return [router for module in modules for router in module.routers]


def _own_routes(settings: Settings) -> list[ControllerRouterHandler]:
    routes: list[ControllerRouterHandler] = [read_health, read_readiness, read_metrics, *problem_pages]
    if settings.shows_mail:
        from app.platform.mail.catcher import CaughtMail  # noqa: PLC0415 - development's alone

        routes.append(CaughtMail)
    return routes


def _authenticator(modules: Sequence[Module], settings: Settings) -> Authenticator:
    offered = [module.authenticator for module in modules if module.authenticator]
    if len(offered) != 1:
        message = f"exactly one module offers an authenticator; of those in config/modules.py, {len(offered)} do"
        raise LookupError(message)
    return offered[0](settings)
