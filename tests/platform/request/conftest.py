"""A real Litestar of these handlers, and its client."""

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from app.platform.problems import exception_handlers
from app.platform.request import JSONRequest, check_request
from tests.platform.request.application import HANDLERS, made, provide_window, provide_work


@pytest.fixture(scope="module")
def app() -> Litestar:
    return Litestar(
        HANDLERS,
        request_class=JSONRequest,
        before_request=check_request,
        exception_handlers=exception_handlers,
        dependencies={
            "window": Provide(provide_window, sync_to_thread=False),
            "work": Provide(provide_work, sync_to_thread=False),
        },
        request_max_body_size=1_000_000,
        logging_config=None,
        openapi_config=None,
    )


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    made.clear()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
