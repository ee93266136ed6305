"""Messages reach those who hear of them, at least once, under one id, whatever receivers do; none delays another."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from aiohttp import web

from app.domain.webhooks import delivering
from app.domain.webhooks.sending import WEBHOOKS
from app.kit.signatures import verify
from tests.domain.webhooks.conftest import HOOKS, OK, SEEN, Receiver, WhaleSeen
from tests.waiting import until_waiting


async def test_an_event_reaches_those_who_hear_of_it_signed(
    receive: Callable, create: Callable, publish: Callable, working: Callable, deliveries: Callable
):
    heard, module, all_, others = [await receive() for _ in range(4)]
    endpoint, secret = await create(heard.url, SEEN, "accounts.user_registered")
    await create(module.url, "webhooks.*")
    await create(all_.url, "*")
    await create(others.url, "webhooks.whale", "accounts.*", SEEN.replace("seen", "sunk"))
    async with working():
        await publish(WhaleSeen("Moby"), WhaleSeen("Dick"))
        for receiver in (heard, module, all_):
            await receiver.until(2)
        [dick, moby] = await deliveries(endpoint, "delivered")
    assert others.got == []
    request, body = heard.got[0]
    assert verify([secret], request.headers, body, datetime.now(UTC)) == request.headers["webhook-id"]
    assert request.headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert list(told) == ["type", "timestamp", "data"]
    assert told["type"] == SEEN
    assert told["timestamp"].endswith("Z")
    assert {json.loads(body)["data"]["name"] for body in heard.bodies} == {"Moby", "Dick"}
    assert {one["eventId"] for one in (dick, moby)} == set(heard.ids) == set(all_.ids)
    assert (moby["status"], moby["attempts"], moby["error"], moby["dueAt"]) == (200, 1, None, None)


async def test_what_fails_is_sent_again_under_its_id_with_its_bytes(
    receiver: Receiver, create: Callable, publish: Callable, working: Callable, deliveries: Callable, hasty
):
    receiver.answer = lambda number: OK(status={1: 500, 2: 404, 3: 302}.get(number, 204), headers={"Location": "/x"})
    endpoint, secret = await create(receiver.url)
    async with working():
        await publish(WhaleSeen("Moby"))
        [one] = await deliveries(endpoint, "delivered")
    assert (one["attempts"], one["status"], len(receiver.got)) == (4, 204, 4)
    assert len(set(receiver.ids)) == len(set(receiver.bodies)) == 1
    assert {request.path for request, _ in receiver.got} == {"/hooks"}, "nobody is led elsewhere"
    for request, body in receiver.got:
        verify([secret], request.headers, body, datetime.now(UTC))


def huge(_: int) -> web.Response:
    return web.Response(status=500, body=b"x" * 10_000_000, headers={"Set-Cookie": "a=canary", "X-A": "1" * 5_000})


@pytest.mark.parametrize("how", ["hangs", "hangs up", "says too much", "is not there"])
async def test_a_receiver_that_misbehaves_is_told_why_in_the_log_of_its_messages(
    how: str,
    receiver: Receiver,
    create: Callable,
    publish: Callable,
    working: Callable,
    client,
    manager,
    deliveries,
    eventually,
    monkeypatch,
):
    if how == "hangs":
        receiver.goes_on.clear()
        monkeypatch.setattr(delivering, "WEBHOOKS", msgspec.structs.replace(WEBHOOKS, total=0.3))
    receiver.hangs_up = how == "hangs up"
    receiver.answer = huge
    endpoint, _ = await create("http://127.0.0.1:1/" if how == "is not there" else receiver.url)
    async with working():
        await publish(WhaleSeen("Moby"))
        await eventually("SELECT FROM webhooks_delivery WHERE attempts = 0")
        [one] = await deliveries(endpoint)
    assert one["state"] == "pending"
    assert 3 < (datetime.fromisoformat(one["dueAt"]) - datetime.fromisoformat(one["attemptedAt"])).total_seconds() < 10
    told = (await client.get(f"{HOOKS}/deliveries/{one['id']}", auth=manager)).json()
    assert told["request"]["url"].startswith("http://127.0.0.1")
    assert told["request"]["headers"]["webhook-id"] == one["eventId"]
    assert told["request"]["headers"]["webhook-signature"] == "***"
    assert json.loads(told["request"]["body"])["data"] == {"name": "Moby"}
    if how == "says too much":
        assert one["status"] == 500
        assert told["response"]["body"] == "x" * 10_000
        assert told["response"]["headers"]["set-cookie"] == "***"
        assert len(told["response"]["headers"]["x-a"]) == 500
    else:
        assert told["response"] is None
        reasons = {"hangs": "no answer in time", "hangs up": "ServerDisconnectedError"}
        assert one["error"] == reasons.get(how, "ClientConnectorError: Connect call failed ('127.0.0.1', 1)")


async def test_one_that_hangs_delays_nobody_else_and_has_one_place(
    receive: Callable, create: Callable, publish: Callable, working: Callable, deliveries: Callable
):
    """Of five places two are left to the queue: the events of one that hangs could take both, and more."""
    slow, quick = await receive(), await receive()
    slow.goes_on.clear()
    await create(slow.url)
    quick_id, _ = await create(quick.url)
    await publish(*(WhaleSeen(str(number)) for number in range(12)))
    async with working(places=5):
        await slow.until(5)
        await quick.until(12)
        await deliveries(quick_id, "delivered")
        assert slow.most == len(slow.got) == 5, "one round, five of it at once"
        assert quick.most <= 5
        await publish(WhaleSeen("late"))
        await quick.until(13)
        assert slow.most == len(slow.got) == 5
        slow.goes_on.set()
        await slow.until(13)


async def test_while_a_secret_is_replaced_both_sign(
    receiver: Receiver, create: Callable, working: Callable, client, manager, aside, deliveries
):
    endpoint, old = await create(receiver.url)
    path = f"{HOOKS}/endpoints/{endpoint}"
    rotated = await client.post(f"{path}/secret", auth=manager)
    new = rotated.json()["secret"]
    assert (rotated.status_code, rotated.headers["cache-control"]) == (201, "no-store")
    assert len(b64decode(new.removeprefix("whsec_"))) == 32
    async with working():
        await client.post(f"{path}/test", auth=manager)
        await receiver.until(1)
        await deliveries(endpoint, "delivered")
        await (await aside.connection()).execute(
            "UPDATE webhooks_secret SET expires_at = now() WHERE expires_at > now()"
        )
        await client.post(f"{path}/test", auth=manager)
        await receiver.until(2)
    (first, body), (second, _) = receiver.got
    signatures = first.headers["webhook-signature"].split(" ")
    assert len(signatures) == 2
    for secret, signature in zip((new, old), signatures, strict=True):
        verify([secret], {**first.headers, "webhook-signature": signature}, body, datetime.now(UTC))
    assert len(second.headers["webhook-signature"].split(" ")) == 1
    assert json.loads(body)["type"] == "webhooks.test"


async def test_a_worker_s_attempt_that_is_lost_is_made_again_with_one_id_and_one_body(
    receiver: Receiver, create: Callable, publish: Callable, working: Callable, deliveries: Callable, aside
):
    """It has sent the message, and then has not the job any more: nothing of what it did is written down."""
    receiver.goes_on.clear()
    endpoint, _ = await create(receiver.url)
    async with working():
        await publish(WhaleSeen("Moby"))
        await receiver.until(1)
        connection = await aside.connection()
        await connection.execute(
            "UPDATE platform_job SET lease = lease + 1, lease_until = now() WHERE state = 'running'"
        )
        receiver.goes_on.set()
        [one] = await deliveries(endpoint, "delivered")
    assert one["attempts"] == 1
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == len(set(receiver.bodies)) == 1


async def test_no_message_falls_between_two_rounds(do: Callable, create: Callable, aside, database):
    """It is written while a round ends which has not seen it; that round's job stands for the one that it asks for."""
    endpoint, _ = await create("https://example.com/")
    connection = await aside.connection()
    async with asyncio.timeout(30):
        writing = connection.transaction()
        await writing.start()
        await connection.execute(
            "INSERT INTO webhooks_delivery (endpoint_id, event_id, event, occurred_at, body)"
            " VALUES ($1, uuidv7(), 'a.b', now(), '{}')",
            UUID(endpoint),
        )
        round_ = asyncio.create_task(do(delivering.deliver, endpoint=UUID(endpoint)))
        await until_waiting(database.url)
        await writing.commit()
        await round_
    assert await connection.fetchval("SELECT name FROM platform_job WHERE state = 'waiting'") == "webhooks.resume"


async def test_an_event_costs_one_statement_and_one_more_however_many_endpoints_hear_of_it(
    publish: Callable, create: Callable, statements: Callable
):
    def own(sent: list[str]) -> int:
        return sum("webhooks_" in sql or "platform_job" in sql for sql in sent)

    with statements() as sent:
        await publish(WhaleSeen("Moby"))
    assert own(sent) == 1
    for number in range(3):
        await create(f"https://example.com/{number}", "webhooks.*" if number else "accounts.*")
    with statements() as sent:
        await publish(WhaleSeen("Dick"))
    assert own(sent) == 2, "one for all messages, and one to wake all endpoints"
