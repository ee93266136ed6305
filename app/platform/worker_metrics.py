"""The figures of a worker process, which serves nothing else: a page for Prometheus, where a port is set for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import click
from aiohttp import web

from app.kit.errors import AppError
from app.platform.health import admit_scraper
from app.platform.observability.metrics import metrics_page
from config.settings import Settings

LETS_GO = 1.0  # seconds that a scrape has to be answered at the end


@asynccontextmanager
async def scraped(settings: Settings, port: int) -> AsyncGenerator[None]:
    """Answer /metrics as the server does, to whom it does. Raises ClickException where nothing can listen there."""

    async def answer(request: web.Request) -> web.Response:
        try:
            admit_scraper(settings, request.headers.get("Authorization", ""))
        except AppError as refusal:
            return web.Response(status=refusal.status, headers=refusal.headers)
        page, media_type = await asyncio.to_thread(metrics_page)
        return web.Response(body=page, headers={"Content-Type": media_type})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=LETS_GO)
    await runner.setup()
    try:
        await _listen(runner, settings.server.host, port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        message = f"LITEHOUSE_WORKER_METRICS_PORT: nothing can listen on port {port} of {host}: {error.strerror}"
        raise click.ClickException(message) from error
