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
from app.domain.webhooks.sending import WEBHOOKS, pause_after
from app.kit.identity import ANONYMOUS
from app.kit.signatures import verify
from app.platform.http.answers import Answer
from app.platform.jobs.attempt import failure_of
from app.platform.jobs.declaration import Job
from app.platform.jobs.job_work import JobWork
from tests.domain.webhooks.conftest import HOOKS, OK, Receiver, WhaleSeen

SEEN = "webhooks.whale_seen"


async def test_an_event_reaches_those_who_hear_of_it_signed(
    receive: Callable, create: Callable, publish: Callable, working: Callable, deliveries: Callable, client, manager
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


async def test_who_is_gone_is_told_nothing_more_and_who_made_it_hears_of_it(
    receiver: Receiver, create: Callable, publish: Callable, working: Callable, deliveries, client, manager, eventually
):
    receiver.answer = lambda number: OK(status=410 if number == 1 else 200)
    endpoint, _ = await create(receiver.url)
    watching = await create("http://127.0.0.1:1/", "webhooks.endpoint_disabled")
    async with working() as resources:
        await publish(WhaleSeen("Moby"))
        await eventually("SELECT FROM webhooks_endpoint WHERE url = $1 AND disabled_at IS NULL", receiver.url)
        [one] = await deliveries(endpoint)
        await publish(WhaleSeen("Dick"))
        taken = resources.mailer.backend.taken
        async with asyncio.timeout(30):
            while not taken:
                await asyncio.sleep(0.01)
    assert (one["state"], one["status"], one["attempts"]) == ("pending", 410, 1)
    shown = (await client.get(f"{HOOKS}/endpoints/{endpoint}", auth=manager)).json()
    assert shown["disabledReason"] == "it said that it is gone (410)"
    assert shown["disabledAt"] is not None
    assert [one["event"] for one in await deliveries(endpoint)] == [SEEN], "of what happens meanwhile nothing is kept"
    [told] = await deliveries(watching[0])
    assert told["event"] == "webhooks.endpoint_disabled"
    [outgoing] = taken
    assert outgoing.mail.to == manager.email
    assert receiver.url in outgoing.mail.text
    refused = await client.post(f"{HOOKS}/endpoints/{endpoint}/test", auth=manager)
    assert refused.status_code == 409
    async with working():
        await client.post(f"{HOOKS}/endpoints/{endpoint}/enable", auth=manager)
        await deliveries(endpoint, "delivered")
    assert receiver.ids == [one["eventId"]] * 2, "what it had not taken goes out, as its mail says"


@pytest.mark.parametrize("meanwhile", ["moved", "disabled"])
async def test_what_an_address_says_after_it_was_replaced_or_disabled_by_hand_is_not_heeded(
    meanwhile: str,
    receive: Callable,
    create: Callable,
    publish: Callable,
    working,
    deliveries,
    eventually,
    client,
    manager,
):
    """The round is under way when somebody changes the endpoint, and ends with 410."""
    old, new = await receive(), await receive()
    old.goes_on.clear()
    old.answer = lambda _: OK(status=410)
    endpoint, _ = await create(old.url)
    shown = f"{HOOKS}/endpoints/{endpoint}"
    async with working() as resources:
        await publish(WhaleSeen("Moby"))
        await old.until(1)
        if meanwhile == "moved":
            await client.patch(shown, json={"url": new.url}, auth=manager)
        else:
            await client.post(f"{shown}/disable", auth=manager)
        old.goes_on.set()
        if meanwhile == "moved":
            [one] = await deliveries(endpoint, "delivered")
            assert (one["eventId"], one["attempts"]) == (new.ids[0], 1)
        await eventually("SELECT FROM platform_job WHERE state IN ('waiting', 'running')")
        assert not resources.mailer.backend.taken
    reason = (await client.get(shown, auth=manager)).json()["disabledReason"]
    assert reason == (None if meanwhile == "moved" else "by hand")


async def test_after_three_days_a_message_is_given_up_and_with_it_an_endpoint_that_takes_none(
    receiver: Receiver,
    create: Callable,
    publish: Callable,
    working: Callable,
    deliveries,
    client,
    manager,
    aside,
    hasty,
    eventually,
):
    receiver.answer = lambda number: OK(status=200 if number == 4 else 500)
    endpoint, _ = await create(receiver.url)
    shown = f"{HOOKS}/endpoints/{endpoint}"
    await publish(WhaleSeen("Moby"), WhaleSeen("Dick"))
    connection = await aside.connection()
    long_ago = (
        "UPDATE webhooks_delivery SET first_at = now() - interval '71:59:59.99', attempts = 3 WHERE event_id = $1"
    )
    events = [row[0] for row in await connection.fetch("SELECT event_id FROM webhooks_delivery ORDER BY id")]
    await connection.execute(long_ago, events[0])
    async with working():
        await eventually("SELECT FROM webhooks_endpoint WHERE disabled_at IS NULL")
        told = {one["eventId"]: one["state"] for one in await deliveries(endpoint)}
        assert told == {str(events[0]): "failed", str(events[1]): "pending"}
        assert "three days" in (await client.get(shown, auth=manager)).json()["disabledReason"]

        enabled = await client.post(f"{shown}/enable", auth=manager)
        assert enabled.json()["disabledAt"] is None
        await deliveries(endpoint, "failed", "delivered")
        assert receiver.ids[-1] == str(events[1]), "what had not been given up goes out"

        # One that has taken others since is not disabled for a message that it never takes.
        await publish(WhaleSeen("Poisonous"))
        await receiver.until(5)
        await connection.execute(
            "UPDATE webhooks_delivery SET first_at = now() - interval '72:01:00' WHERE state = 'pending'"
        )
        await deliveries(endpoint, "failed", "delivered")
    assert (await client.get(shown, auth=manager)).json()["disabledAt"] is None


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


async def test_an_endpoint_that_is_deleted_while_messages_wait_and_one_is_on_its_way(
    receiver: Receiver,
    create: Callable,
    publish: Callable,
    working: Callable,
    client,
    manager,
    aside,
    capfd,
    eventually,
):
    receiver.goes_on.clear()
    endpoint, _ = await create(receiver.url)
    await publish(*(WhaleSeen(str(number)) for number in range(7)))
    async with working():
        await receiver.until(5)
        assert (await client.delete(f"{HOOKS}/endpoints/{endpoint}", auth=manager)).status_code == 204
        receiver.goes_on.set()
        await eventually("SELECT FROM platform_job WHERE state IN ('waiting', 'running')")
        connection = await aside.connection()
        assert await connection.fetchval("SELECT count(*) FROM webhooks_delivery") == 0
        assert await connection.fetchval("SELECT count(*) FROM platform_job WHERE state <> 'done'") == 0
    assert "a job failed" not in capfd.readouterr().out


async def test_one_that_is_not_well_rests_whatever_is_due_to_it(
    receiver: Receiver,
    create: Callable,
    publish: Callable,
    working: Callable,
    client,
    database,
    manager,
    eventually,
    monkeypatch,
):
    monkeypatch.setattr(delivering, "BATCH", 2)
    receiver.answer = lambda number: OK(status=503 if number < 3 else 200, headers={"Retry-After": "3000"})
    endpoint, _ = await create(receiver.url)
    await publish(*(WhaleSeen(str(number)) for number in range(6)))
    busy = "SELECT FROM platform_job WHERE state IN ('waiting', 'running') AND due_at < now() + interval '1 second'"
    async with working():
        await receiver.until(2)
        await eventually(busy)
        await publish(WhaleSeen("while it rests"))
        await eventually(busy)
        assert len(receiver.got) == 2
        rests = await database.reader().fetch("SELECT rests_until - now() FROM webhooks_endpoint", ())
        assert 2900 < rests[0][0].total_seconds() <= 3000, "as long as it asks for"
        await client.patch(f"{HOOKS}/endpoints/{endpoint}", json={"url": receiver.url}, auth=manager)
        await receiver.until(7)  # at another address nobody knows how it fares; two wait for their own pauses
        await eventually(busy)
    assert len(receiver.got) == 7


async def test_no_message_falls_between_two_rounds(app, create: Callable, aside, database):
    """It is written while a round ends which has not seen it; that round's job stands for the one that it asks for."""
    endpoint, _ = await create("https://example.com/")
    connection, work = await aside.connection(), JobWork(database, app.state.resources, ANONYMOUS, lambda *_: None)
    async with asyncio.timeout(30):
        writing = connection.transaction()
        await writing.start()
        await connection.execute(
            "INSERT INTO webhooks_delivery (endpoint_id, event_id, event, occurred_at, body)"
            " VALUES ($1, uuidv7(), 'a.b', now(), '{}')",
            UUID(endpoint),
        )
        round_ = asyncio.create_task(work.run(lambda: delivering.deliver.handler(work, endpoint=UUID(endpoint))))
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        await writing.commit()
        await round_
    assert await connection.fetchval("SELECT name FROM platform_job WHERE state = 'waiting'") == "webhooks.resume"


@pytest.mark.parametrize("round_", [delivering.deliver, delivering.resume], ids=lambda one: one.name)
def test_a_round_that_failed_often_is_tried_again_within_minutes(round_: Job):
    """While it waits it stands for every other one of its endpoint, which hears nothing for so long."""
    assert failure_of(RuntimeError(), 19, round_.treatment.longest_pause).pause <= 360


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


@pytest.mark.parametrize(
    ("attempt", "status", "headers", "least", "most"),
    [
        pytest.param(1, 500, {}, 4, 6, id="first"),
        pytest.param(3, 404, {}, 64, 96, id="third"),
        pytest.param(14, 500, {}, 28_800, 43_200, id="ten hours at most"),
        pytest.param(1, 429, {"retry-after": "60"}, 60, 60, id="as asked"),
        pytest.param(1, 503, {"retry-after": "999999"}, 86_400, 86_400, id="a day at most"),
        pytest.param(1, 404, {"retry-after": "60"}, 4, 6, id="asked by one that refuses"),
        pytest.param(1, 503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 4, 6, id="by a moment that has passed"),
        pytest.param(1, 429, {"retry-after": "Thu, 21 Oct 2106 07:28:00 GMT"}, 86_400, 86_400, id="by a moment"),
    ],
)
def test_how_long_the_pauses_are(attempt: int, status: int, headers: dict[str, str], least: float, most: float):
    assert least <= pause_after(attempt, Answer(status, headers, b"")) <= most
