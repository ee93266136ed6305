"""What the checks of the contract share: an author's way to publish, and a reader's way to read it."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.domain.publishing.factories import DraftFactory

Publish = Callable[..., Awaitable[dict[str, Any]]]
Read = Callable[..., Awaitable[Any]]


@pytest.fixture
def publish(client: httpx.AsyncClient) -> Publish:
    """Publish an article with any members given; the article that is answered."""

    async def publish(author: httpx.Auth, /, **given: object) -> dict[str, Any]:
        answer = await client.post("/api/articles", json=DraftFactory.sent(**given), auth=author)
        assert answer.status_code == 201, answer.text
        return answer.json()["article"]

    return publish


@pytest.fixture
def read(client: httpx.AsyncClient) -> Read:
    """What a path answers that must be there."""

    async def read(path: str, reader: httpx.Auth | None = None, **query: Any) -> Any:
        answer = await client.get(path, params=query, auth=reader)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return read
