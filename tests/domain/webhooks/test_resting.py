"""An endpoint that takes no messages rests, is disabled or goes; what waits for it goes out once it takes them."""

import asyncio
from collections.abc import Callable

import pytest

from app.domain.webhooks import delivering
from app.domain.webhooks.sending import pause_after
from app.platform.http.answers import Answer
from app.platform.jobs.attempt import failure_of
from app.platform.jobs.declaration import Job
from tests.domain.webhooks.conftest import HOOKS, OK, SEEN, Receiver, WhaleSeen


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


@pytest.mark.parametrize("round_", [delivering.deliver, delivering.resume], ids=lambda one: one.name)
def test_a_round_that_failed_often_is_tried_again_within_minutes(round_: Job):
    """While it waits it stands for every other one of its endpoint, which hears nothing for so long."""
    assert failure_of(RuntimeError(), 19, round_.treatment.longest_pause).pause <= 360


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
