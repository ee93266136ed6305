"""What is over goes after some days, a deleted endpoint at once and its messages by and by; nobody who waits does."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from app.domain.webhooks.forgetting import clear_deliveries, forget_deleted
from app.domain.webhooks.jobs import wake_forgotten
from tests.domain.webhooks.addresses import ENDPOINTS, NOWHERE, ROUTES
from tests.domain.webhooks.conftest import HOOKS, WhaleSeen


async def test_what_is_over_is_forgotten_after_some_days(
    do: Callable, create: Callable, publish: Callable, aside, client, manager
):
    endpoint, _ = await create(NOWHERE)
    off, _ = await create(f"{NOWHERE}/off")
    await publish(WhaleSeen("Moby"), WhaleSeen("Dick"), WhaleSeen("Ahab"))
    await client.post(f"{ENDPOINTS}/{off}/disable", auth=manager)
    connection = await aside.connection()
    await connection.execute("UPDATE webhooks_delivery SET created_at = now() - interval '31 days'")
    await connection.execute("""
        UPDATE webhooks_delivery SET state = 'delivered', due_at = NULL, created_at = CASE body LIKE '%Dick%'
            WHEN true THEN now() - interval '29 days' ELSE created_at END WHERE body NOT LIKE '%Ahab%'
    """)
    await do(clear_deliveries)
    left = await connection.fetch(
        "SELECT endpoint_id, state FROM webhooks_delivery ORDER BY state, endpoint_id = $1", UUID(endpoint)
    )
    assert [tuple(map(str, row)) for row in left] == [
        (off, "delivered"),
        (endpoint, "delivered"),
        (endpoint, "pending"),
    ]
    assert clear_deliveries.treatment.schedule == "47 3 * * *"


async def test_a_deleted_endpoint_is_gone_at_once_and_its_messages_by_and_by(
    do: Callable,
    client: httpx.AsyncClient,
    manager,
    create: Callable,
    publish: Callable,
    deliveries: Callable,
    aside,
    monkeypatch: pytest.MonkeyPatch,
):
    """There may be millions of them: to delete all in the request would last longer than a statement may."""
    monkeypatch.setattr("app.domain.webhooks.forgetting.AT_ONCE", 2)
    endpoint, _ = await create(NOWHERE)
    kept, _ = await create(f"{NOWHERE}/kept")
    await publish(*(WhaleSeen(str(number)) for number in range(3)))
    [delivery, *_] = await deliveries(endpoint)
    assert (await client.delete(f"{ENDPOINTS}/{endpoint}", auth=manager)).status_code == 204
    await publish(WhaleSeen("late"))
    connection = await aside.connection()
    count = "SELECT count(*) FROM webhooks_delivery WHERE endpoint_id = $1"
    assert await connection.fetchval(count, UUID(endpoint)) == 3
    assert not await connection.fetch("SELECT FROM webhooks_secret WHERE endpoint_id = $1", UUID(endpoint))

    listed = (await client.get(ENDPOINTS, auth=manager)).json()["items"]
    exported = (await client.get("/api/v1/accounts/me/export", auth=manager)).json()["modules"]["webhooks"]
    assert [one["id"] for one in listed] == [kept]
    assert [one["url"] for one in exported["endpoints"]] == [f"{NOWHERE}/kept"]
    span = {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    for method, path in ROUTES:
        body = {"json": span if "replays" in path else {}} if method in {"POST", "PATCH"} else {}
        there = f"{HOOKS}{path.format(endpoint=endpoint, delivery=delivery['id'])}"
        assert (await client.request(method, there, **body, auth=manager)).status_code == 404, f"{method} {path}"

    for left in (1, 0):
        await do(forget_deleted)
        assert await connection.fetchval(count, UUID(endpoint)) == left
    assert [str(row[0]) for row in await connection.fetch("SELECT id FROM webhooks_endpoint")] == [kept]
    assert await connection.fetchval(count, UUID(kept)) == 4
    enqueued = "SELECT count(*) FROM platform_job WHERE name = 'webhooks.forget_deleted'"
    assert await connection.fetchval(enqueued) == 2, "by the request, and for what was left"


async def test_who_was_forgotten_is_woken(do: Callable, create: Callable, publish: Callable, aside):
    """An admin has cancelled the job: nothing else would send what waits until the next event."""
    await create(NOWHERE)
    await publish(WhaleSeen("Moby"))
    connection = await aside.connection()
    await connection.execute("UPDATE platform_job SET state = 'cancelled', ended_at = now()")
    waiting = "SELECT count(*) FROM platform_job WHERE name = 'webhooks.deliver' AND state = 'waiting'"
    for due, expected in (("now()", 0), ("now() - interval '2 minutes'", 1)):
        await connection.execute(f"UPDATE webhooks_delivery SET due_at = {due}")
        await do(wake_forgotten)
        assert await connection.fetchval(waiting) == expected
