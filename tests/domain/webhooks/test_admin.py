"""Webhooks at the admin site: endpoints, what became of their messages, and sending them once more."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from app.domain.webhooks.permissions import MANAGE_WEBHOOKS
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser, staff

__all__ = ["staff"]

Enter = Callable[..., Awaitable[Browser]]
ENDPOINT = "INSERT INTO webhooks_endpoint (url, description, events) VALUES ($1, 'the shop', '{a.*}') RETURNING id"
DELIVERY = """
INSERT INTO webhooks_delivery (endpoint_id, event_id, event, occurred_at, body, state, status, headers, answer)
VALUES ($1, uuidv7(), 'ships.ship_sailed', now(), '{"data":1}', 'failed', 500, '{"server":"x"}', 'no room') RETURNING id
"""


@pytest.fixture
async def connection(aside: Aside) -> asyncpg.Connection:
    return await aside.connection()


async def test_messages_are_seen_and_sent_once_more(staff: Enter, connection, statements):
    manager, nobody = await staff(MANAGE_WEBHOOKS), await staff()
    endpoint = await connection.fetchval(ENDPOINT, "https://example.com/hooks")
    delivery = await connection.fetchval(DELIVERY, endpoint)
    for path in ("/-/webhooks", f"/-/webhooks?endpoint={endpoint}", f"/-/webhooks?delivery={delivery}"):
        await nobody.page(path, 404)
        with statements(at_most=4):
            assert "example.com" in await manager.page(path)
    message = f"/-/webhooks?delivery={delivery}"
    shown = await manager.page(message)
    for text in ("no room", "{&#34;data&#34;:1}", "500", "webhook-signature: "):
        assert text in shown
    assert "ships.ship_sailed" in await manager.page(f"/-/webhooks?endpoint={endpoint}&state=failed")
    assert "No messages." in await manager.page(f"/-/webhooks?endpoint={endpoint}&state=pending")
    assert "sent once more" in await manager.deed(message, "repeat", delivery=delivery)
    page = f"/-/webhooks?endpoint={endpoint}"
    span = {"since": "2026-01-01T00:00", "until": "2026-01-02T00:00"}
    assert "sends it once more" in await manager.deed(page, "replay", endpoint=endpoint, **span)
    assert "until" in await manager.deed(page, "replay", endpoint=endpoint, since=span["until"], until=span["since"])
    names = await connection.fetch("SELECT name FROM platform_job ORDER BY id")
    assert [row["name"] for row in names] == ["webhooks.deliver", "webhooks.replay_range"]


async def test_an_endpoint_that_is_disabled_needs_attention(staff: Enter, connection):
    manager, nobody = await staff(MANAGE_WEBHOOKS), await staff()
    endpoint = await connection.fetchval(ENDPOINT, "https://example.com/hooks")
    assert "All is well." in await manager.page("/")
    assert "told nothing any more" in await manager.deed("/-/webhooks", "disable", endpoint=endpoint)
    assert "1 webhook is disabled" in await manager.page("/")
    assert "is disabled" not in await nobody.page("/")
    assert "enable it first" in await manager.deed("/-/webhooks", "test", endpoint=endpoint)
    assert "is told again" in await manager.deed("/-/webhooks", "enable", endpoint=endpoint)
    assert "All is well." in await manager.page("/")
    assert "is sent" in await manager.deed("/-/webhooks", "test", endpoint=endpoint)
    await connection.execute("UPDATE webhooks_endpoint SET disabled_at = now(), deleted_at = now()")
    assert "All is well." in await manager.page("/"), "what is deleted needs nobody's attention"
    assert "example.com" not in await manager.page("/-/webhooks")
