"""The small application behind Observed, its client, and the access lines that it writes."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.config.cors import CORSConfig

from app.platform.observability.requests import Observed
from tests.platform.observability.requests.application import FALLBACK, HANDLERS


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def app(lines: list[dict[str, Any]], written: list[bytes]) -> Litestar:
    app = Litestar(
        HANDLERS,
        openapi_config=None,
        logging_config=None,
        cors_config=CORSConfig(allow_origins=["https://front.example"]),
    )

    def write(make: Callable[[], bytes]) -> None:
        line = make()
        assert line.endswith(b"}\n")
        assert line.count(b"\n") == 1
        written.append(line)
        lines.append(json.loads(line))

    app.asgi_handler = Observed(app.asgi_handler, fallback=FALLBACK, write=write)
    return app


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client
