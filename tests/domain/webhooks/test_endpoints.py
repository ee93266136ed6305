"""Who manages webhooks says who is told of what, sees what became of each message, and has it sent once more."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from click.testing import CliRunner

from app.domain.webhooks.delivering import SECRETS
from app.domain.webhooks.services import is_address
from app.kit.signatures import secret_of
from app.platform.cli import console
from tests.domain.webhooks.addresses import ENDPOINTS, NOWHERE, OUR_PAGE, ROUTES
from tests.domain.webhooks.conftest import HOOKS, Receiver, WhaleSeen


async def test_an_endpoint_is_made_with_a_secret_that_is_shown_once_and_kept_sealed(
    client: httpx.AsyncClient, manager, app, aside
):
    body = {"url": NOWHERE, "events": ["publishing.*"], "description": "Search"}
    answer = await client.post(ENDPOINTS, json=body, auth=manager)
    made, secret = answer.json()["endpoint"], answer.json()["secret"]
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.headers["location"] == f"{ENDPOINTS}/{made['id']}"
    assert made == made | body | {"createdBy": str(manager.id), "disabledAt": None, "disabledReason": None}
    for path in (ENDPOINTS, f"{ENDPOINTS}/{made['id']}"):
        read = await client.get(path, auth=manager)
        assert made in (read.json(), *read.json().get("items", []))
        assert "whsec_" not in read.text
    [(key, sealed)] = await (await aside.connection()).fetch("SELECT id, secret FROM webhooks_secret")
    assert secret_of(secret) not in sealed
    seal = await app.state.resources.sealing.seal()
    assert seal.open(sealed, SECRETS.place(key)) == secret_of(secret)


async def test_what_cannot_be_is_told_all_at_once(client: httpx.AsyncClient, manager):
    body = {"url": "", "events": ["Whales", "*.seen", "a.b.c"], "descriptions": ""}
    answer = await client.post(ENDPOINTS, json=body, auth=manager)
    assert answer.status_code == 422
    fields = {one["pointer"] for one in answer.json()["violations"]}
    assert fields == {"/url", "/events/0", "/events/1", "/events/2", "/descriptions"}
    answer = await client.post(ENDPOINTS, json={"url": "https://a:b@example.com", "events": ["*"]}, auth=manager)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["url"])


@pytest.mark.parametrize(
    ("url", "in_development", "in_production"),
    [
        ("https://example.com/hooks?a=b", True, True),
        ("https://[2606:2800:220:1:248:1893:25c8:1946]:8443/", True, True),
        ("http://example.com", True, False),
        ("http://localhost:8000", True, False),
        ("https://ann@example.com", False, False),
        ("https://example.com/#part", False, False),
        ("https://example.com/a b", False, False),
        ("https://example.com/\n", False, False),
        ("https://example.com:port", False, False),
        ("https://", False, False),
        ("ftp://example.com", False, False),
        ("file:///etc/passwd", False, False),
        ("example.com", False, False),
    ],
)
def test_where_messages_can_go(url: str, in_development: bool, in_production: bool):
    assert is_address(url, is_plain_let_in=True) is in_development
    assert is_address(url, is_plain_let_in=False) is in_production


async def test_what_is_changed_holds_for_what_happens_next(
    client: httpx.AsyncClient, manager, create: Callable, publish: Callable, deliveries: Callable
):
    endpoint, _ = await create(NOWHERE, "accounts.*", description="Search")
    await publish(WhaleSeen("Moby"))
    changed = await client.patch(f"{ENDPOINTS}/{endpoint}", json={"events": ["webhooks.whale_seen"]}, auth=manager)
    assert changed.json()["events"] == ["webhooks.whale_seen"]
    assert changed.json()["description"] == "Search"
    await publish(WhaleSeen("Dick"))
    disabled = await client.post(f"{ENDPOINTS}/{endpoint}/disable", auth=manager)
    assert disabled.json()["disabledReason"] == "by hand"
    await publish(WhaleSeen("Ahab"))
    [one] = await deliveries(endpoint)
    told = (await client.get(f"{HOOKS}/deliveries/{one['id']}", auth=manager)).json()
    assert json.loads(told["request"]["body"])["data"] == {"name": "Dick"}
    assert (told["response"], told["request"]["url"]) == (None, NOWHERE)
    refused = await client.patch(f"{ENDPOINTS}/{endpoint}", json={"url": "gopher://x"}, auth=manager)
    assert refused.status_code == 422


async def test_only_those_who_manage_webhooks_know_of_them_and_for_them_nothing_is_there_that_is_not(
    client: httpx.AsyncClient, manager, sign_in: Callable, create: Callable, publish: Callable, deliveries: Callable
):
    endpoint, _ = await create(NOWHERE)
    await publish(WhaleSeen("Moby"))
    [delivery] = await deliveries(endpoint)
    stranger, there = await sign_in("stranger"), {"endpoint": endpoint, "delivery": delivery["id"]}
    span = {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    for method, path in ROUTES:
        body = {"json": span if "replays" in path else {}} if method in {"POST", "PATCH"} else {}
        for ids, who, status in (
            (there, stranger, 403),
            ({"endpoint": uuid4(), "delivery": uuid4()}, stranger, 403),
            ({"endpoint": uuid4(), "delivery": uuid4()}, manager, 404),
            ({"endpoint": delivery["id"], "delivery": endpoint}, manager, 404),
            ({"endpoint": "7", "delivery": "null"}, manager, 404),
        ):
            answer = await client.request(method, f"{HOOKS}{path.format(**ids)}", **body, auth=who, headers=OUR_PAGE)
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
    assert (await client.get(f"{ENDPOINTS}/{endpoint}", auth=manager)).status_code == 200


async def test_messages_are_listed_by_state_and_event_and_the_list_goes_on_where_it_ended(
    client: httpx.AsyncClient, manager, create: Callable, publish: Callable, aside, statements: Callable
):
    endpoint, _ = await create(NOWHERE)
    await create(f"{NOWHERE}/others")
    await publish(*(WhaleSeen(str(number)) for number in range(5)))
    await client.post(f"{ENDPOINTS}/{endpoint}/test", auth=manager)
    path = f"{ENDPOINTS}/{endpoint}/deliveries"
    with statements(at_most=3):  # with that of the token
        first = (await client.get(path, params={"limit": 4}, auth=manager)).json()
    second = (await client.get(path, params={"limit": 4, "after": first["next"]}, auth=manager)).json()
    ids = [one["id"] for one in first["items"] + second["items"]]
    assert (len(set(ids)), ids, second["next"]) == (6, sorted(ids, reverse=True), None)
    connection = await aside.connection()
    await connection.execute("UPDATE webhooks_delivery SET state = 'failed', due_at = NULL WHERE id = $1", UUID(ids[0]))
    for asked, count in (
        ({"state": "pending"}, 5),
        ({"state": "failed"}, 1),
        ({"event": "webhooks.test"}, 1),
        ({"event": "webhooks.whale_seen", "state": "failed"}, 0),
    ):
        assert len((await client.get(path, params=asked, auth=manager)).json()["items"]) == count, asked
    assert (await client.get(path, params={"state": "asleep"}, auth=manager)).status_code == 422


async def test_a_message_and_a_range_of_time_are_sent_once_more_under_their_ids(
    client,
    manager,
    receiver: Receiver,
    create: Callable,
    publish: Callable,
    working: Callable,
    deliveries,
    eventually,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("app.domain.webhooks.messages.AT_ONCE", 2)
    await publish(WhaleSeen("before"))
    begun = datetime.now(UTC)
    await publish(WhaleSeen("one"), WhaleSeen("two"), WhaleSeen("three"))
    endpoint, _ = await create(receiver.url, "webhooks.whale_seen")
    ended = datetime.now(UTC)
    await publish(WhaleSeen("after"))
    async with working():
        [after] = await deliveries(endpoint, "delivered")
        again = await client.post(f"{HOOKS}/deliveries/{after['id']}/replay", auth=manager)
        assert again.status_code == 201
        assert again.headers["location"] == f"{HOOKS}/deliveries/{again.json()['id']}"
        await receiver.until(2)
        assert len(set(receiver.ids)) == len(set(receiver.bodies)) == 1

        span = {"since": begun.isoformat(), "until": ended.isoformat()}
        replayed = await client.post(f"{ENDPOINTS}/{endpoint}/replays", json=span, auth=manager)
        assert (replayed.status_code, replayed.headers["location"]) == (202, f"/api/v1/jobs/{replayed.json()['jobId']}")
        assert (await client.get(replayed.headers["location"], auth=manager)).status_code == 200
        await receiver.until(5)
        await eventually("SELECT FROM platform_job WHERE state IN ('waiting', 'running')")
    assert {json.loads(body)["data"]["name"] for body in receiver.bodies[2:]} == {"one", "two", "three"}
    assert len(receiver.got) == 5

    whole = {"since": (begun - timedelta(days=1)).isoformat(), "until": ended.isoformat()}
    await client.patch(f"{ENDPOINTS}/{endpoint}", json={"events": ["accounts.*"]}, auth=manager)
    async with working():
        await client.post(f"{ENDPOINTS}/{endpoint}/replays", json=whole, auth=manager)
        await eventually("SELECT FROM platform_job WHERE state IN ('waiting', 'running')")
    assert len(receiver.got) == 5, "what it does not hear of is not replayed"
    refused = await client.post(
        f"{ENDPOINTS}/{endpoint}/replays", json={"since": whole["until"], "until": whole["since"]}, auth=manager
    )
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["until"])


async def test_an_export_has_the_endpoints_that_one_made_and_they_stay_when_one_goes(
    client: httpx.AsyncClient, manager, create: Callable, aside
):
    await create(NOWHERE, description="Search")
    held = (await client.get("/api/v1/accounts/me/export", auth=manager)).json()["modules"]["webhooks"]
    assert [(one["url"], one["description"]) for one in held["endpoints"]] == [(NOWHERE, "Search")]
    connection = await aside.connection()
    await connection.execute("DELETE FROM accounts_user WHERE id = $1", manager.id)
    assert await connection.fetchval("SELECT created_by IS NULL FROM webhooks_endpoint")


def test_admins_see_endpoints_and_have_them_told_once_more(lent_database_url: str):
    async def make() -> UUID:
        connection = await asyncpg.connect(lent_database_url)
        made = await connection.fetchval(
            "INSERT INTO webhooks_endpoint (url, description, events) VALUES ($1, '', '{a.*,b.c}') RETURNING id",
            NOWHERE,
        )
        await connection.close()
        return made

    def run(*arguments: str):
        environ = {"DATABASE_URL": lent_database_url, "LITEHOUSE_ENVIRONMENT": "test"}
        return CliRunner().invoke(console, list(arguments), env=environ)

    assert run("webhooks").output == ""
    endpoint = str(asyncio.run(make()))
    assert run("webhooks").output == f"{endpoint}  {NOWHERE}  a.*,b.c  enabled  0 wait  0 failed\n"
    replayed = run("webhook-replay", endpoint, "2026-11-21T10:00:00", "2026-11-21T12:00:00")
    assert replayed.output.endswith("does it.\n"), replayed.output
    for arguments, fault in (
        ((endpoint, "2026-11-21", "2026-11-21"), "until: must be later than since"),
        ((str(uuid4()), "2026-11-21", "2026-11-22"), "endpoint: not found"),
    ):
        refused = run("webhook-replay", *arguments)
        assert refused.exit_code == 1
        assert fault in refused.output
