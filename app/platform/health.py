"""What operators' machines ask: does the process live, should it be sent requests, and how is it doing."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hmac import compare_digest
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from app.kit.errors import Busy, NotFound, Unauthenticated
from app.platform.events.figures import event_figures
from app.platform.figures import figures_page
from app.platform.handlers import get
from app.platform.jobs.figures import job_figures
from app.platform.mail.figures import mail_figures
from app.platform.observability.metrics import TRAFFIC, metrics_page
from app.platform.security import PUBLIC, SELF_CHECKED, credential_of
from config.settings import Settings

DRAIN = signal.SIGUSR1  # sent to every worker before it is told to end: from then on /ready says 503


class Health(msgspec.Struct):
    """All is well."""

    status: str = "ok"


class Readiness:
    """Whether this worker is being drained."""

    def __init__(self) -> None:
        self.draining = False

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Listen for the signal that announces the end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(DRAIN, self.drain)
        try:
            yield
        finally:
            loop.remove_signal_handler(DRAIN)

    def drain(self) -> None:
        """Be ready no more."""
        self.draining = True


@get("/health", permission=PUBLIC, tags=["system"])
async def read_health() -> Health:
    """The process lives.

    Shallow on purpose: a database that is down must not have every worker restarted.
    """
    return Health()


@get("/ready", permission=PUBLIC, tags=["system"])
async def read_readiness(state: State) -> Health:
    """Requests are welcome: the database answers and the process is not being drained."""
    if state.readiness.draining:
        raise Busy("the process is being drained", retry_after=2)
    await state.database.reader().fetch("SELECT 1", ())
    return Health()


@get("/metrics", permission=SELF_CHECKED, include_in_schema=False)
async def read_metrics(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    """The golden signals, for Prometheus: open in development, elsewhere to the bearer of LITEHOUSE_METRICS_TOKEN."""
    admit_scraper(state.settings, request.headers.get("authorization", ""))
    TRAFFIC.publish()  # here: it is the event loop's
    page, media_type = await asyncio.to_thread(metrics_page)
    offered = [ask for module in state.modules for ask in module.figures]
    asked = await figures_page(state.database, event_figures, job_figures, mail_figures, *offered)
    # As Litestar's `media_type` it would get a second charset, and Prometheus 3 refuses what it cannot parse.
    return Response(page + asked, headers={"content-type": media_type})


def admit_scraper(settings: Settings, header: str) -> None:
    """Let those see the figures who may, by their Authorization header. Raises NotFound, Unauthenticated."""
    token = settings.http.metrics_token
    if token is None and not settings.development:
        raise NotFound("metrics")
    if token is not None and not compare_digest(credential_of(header.encode()) or "", token.get_secret_value()):
        raise Unauthenticated("token", "is invalid" if header else "is missing")
