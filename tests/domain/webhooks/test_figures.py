"""A scrape tells how webhooks go, beside the figures of the platform."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.domain.webhooks.conftest import HOOKS, WhaleSeen


async def test_a_scrape_tells_what_waits_for_whom(
    app, client, manager, create: Callable, publish: Callable, aside, monkeypatch: pytest.MonkeyPatch
):
    off, _ = await create("https://example.com/off")
    deleted, _ = await create("https://example.com/deleted")
    await create("https://example.com/hooks")
    await publish(WhaleSeen("Moby"), WhaleSeen("Dick"))
    await client.post(f"{HOOKS}/endpoints/{off}/disable", auth=manager)
    await client.delete(f"{HOOKS}/endpoints/{deleted}", auth=manager)
    connection = await aside.connection()
    await connection.execute("""
        UPDATE webhooks_delivery SET due_at = now() - interval '1 hour',
            state = CASE WHEN body LIKE '%Dick%' THEN 'failed' ELSE state END
    """)
    server = app.state.settings.server.model_copy(update={"environment": "development"})
    monkeypatch.setattr(app.state, "settings", replace(app.state.settings, server=server))
    lines = (await client.get("/metrics")).text.splitlines()
    told = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:9] == "webhooks_")}
    assert told.pop("webhooks_oldest_due_seconds") == pytest.approx(3600, abs=60)
    assert told == {
        'webhooks_endpoints{state="enabled"}': 1,
        'webhooks_endpoints{state="disabled"}': 1,
        "webhooks_waiting": 1,
        "webhooks_given_up": 2,
    }
    assert any(line.startswith("mails_waiting ") for line in lines)
