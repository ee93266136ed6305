"""A worker's page of metrics: where a port is set for it, to the bearer of the token."""

from dataclasses import replace

import click
import httpx
import pytest
from pydantic import SecretStr

from app.platform.worker_metrics import scraped
from tests.e2e.running import PLAINLY, free_port


async def test_a_worker_s_figures_are_for_the_bearer_of_the_token(settings):
    port = free_port()
    page = f"http://127.0.0.1:{port}/metrics"
    known = replace(settings, http=settings.http.model_copy(update={"metrics_token": SecretStr("canary")}))
    async with httpx.AsyncClient(**PLAINLY) as client:
        async with scraped(settings, port):
            assert (await client.get(page)).status_code == 404, "without a token it is closed outside development"
        async with scraped(known, port):
            refused = await client.get(page)
            assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (401, True)
            answer = await client.get(page, headers={"Authorization": "Bearer canary"})
            with pytest.raises(
                click.ClickException, match=rf"LITEHOUSE_WORKER_METRICS_PORT: .* {port} of 127\.0\.0\.1"
            ):
                await scraped(known, port).__aenter__()
    assert answer.status_code == 200
    assert "# TYPE upstream_requests_total counter" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
