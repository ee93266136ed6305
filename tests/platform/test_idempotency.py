"""A write that its client names is done once, and each repetition gets the first one's answer, byte for byte."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest

from app.kit.identity import Viewer
from app.platform import idempotency
from app.platform.database.pools import Database
from app.platform.database.slots import Slot
from app.platform.database.work import UnitOfWork
from app.platform.encoded import Encoded
from app.platform.jobs import clearing
from app.platform.jobs.clearing import clear_answers
from app.platform.observability.lines import STDOUT
from tests.conftest import Aside, SignedIn

API = "/api/v1/accounts"
GROUPS, NAMED = f"{API}/groups", f"{API}/tokens/named"
KEPT = "SELECT status, body FROM platform_idempotency ORDER BY created_at"
GROUP = "INSERT INTO accounts_group (name) VALUES ($1)"
REQUEST: Any = SimpleNamespace(
    scope={"method": "POST", "path": "/", "query_string": b""}, route_handler=SimpleNamespace(parsed_data_field=None)
)
KEEPERS = {"name": "Keepers", "permissions": []}


@pytest.fixture
async def aside_connection(aside: Aside) -> asyncpg.Connection:
    return await aside.connection()


@pytest.fixture
def post(client: httpx.AsyncClient, root: SignedIn) -> Callable:
    """Ask for something to be made, under a key."""

    async def post(path: str = GROUPS, body: Any = KEEPERS, *, key: str = "k-1", auth: SignedIn = root):
        return await client.post(path, json=body, auth=auth, headers={"Idempotency-Key": key})

    return post


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but what is of the request alone."""
    passing = {"x-request-id", "idempotency-replayed"}
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k not in passing}


def refused(answer: httpx.Response) -> tuple[int, str]:
    """How it was refused; every refusal of a key names the header."""
    assert list(answer.json()["errors"]) == ["idempotency-key"], answer.text
    assert "idempotency-replayed" not in answer.headers
    return answer.status_code, answer.json()["code"]


async def groups(connection: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch("SELECT name FROM accounts_group ORDER BY name")]


async def test_fifty_at_once_have_one_effect_and_one_answer(post: Callable, aside_connection: asyncpg.Connection):
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(post()) for _ in range(50)]
    answers = [task.result() for task in tasks]

    assert {json.dumps(told(one)[2]) for one in answers} == {json.dumps(told(answers[0])[2])}
    assert {told(one)[:2] for one in answers} == {(201, answers[0].content)}
    assert sorted(one.headers.get("idempotency-replayed", "") for one in answers) == ["", *["true"] * 49]
    assert await groups(aside_connection) == ["Keepers"]
    assert len(await aside_connection.fetch(KEPT)) == 1


async def test_a_repetition_costs_one_read_and_the_first_three_statements(
    post: Callable, client: httpx.AsyncClient, root: SignedIn, statements: Callable
):
    with statements() as without:
        await client.post(GROUPS, json=KEEPERS | {"name": "Others"}, auth=root)
    with statements() as first:
        made = await post()
    with statements() as again:
        repeated = await post()

    assert told(repeated) == told(made)
    assert made.headers["location"] == f"{GROUPS}/{made.json()['id']}"
    assert "etag" in made.headers
    work = without[without.index("BEGIN") :]
    begun = first.index("BEGIN")
    assert first[begun - 1] == idempotency.RECALL
    assert first[begun:] == ["BEGIN", idempotency.CLAIM, *work[1:-1], idempotency.KEEP, "COMMIT"]
    assert again == [idempotency.RECALL]
    assert not any("platform_idempotency" in one for one in without)


async def test_an_answer_without_a_body_is_repeated_and_of_what_is_gone(
    post: Callable, client: httpx.AsyncClient, root: SignedIn, monkeypatch: pytest.MonkeyPatch, capfd: Any
):
    """The first answer is lost on its way, after the commit."""
    address = (await post()).headers["location"]

    def delete(**headers: str):
        return client.delete(address, auth=root, headers={"Idempotency-Key": "k-2", **headers})

    async def lose(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr("app.platform.encoded.Encoded.__call__", lose)
        assert (await delete()).status_code == 500  # what nobody heard
    again = await delete()
    assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (204, b"", "true")
    assert (await client.delete(address, auth=root)).status_code == 404  # as whoever names nothing is told

    STDOUT.flush()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"DELETE"' in line]
    assert [line.get("replayed", False) for line in lines if line["event"] == "request"] == [False, True, False]


async def test_a_key_is_for_one_request_of_one_user(post: Callable, sign_in: Callable, client: httpx.AsyncClient):
    other = await sign_in("other", is_superuser=True)
    made = await post()

    assert refused(await post(body=KEEPERS | {"name": "Others"})) == (422, "idempotency_key_reused")
    assert refused(await post(f"{GROUPS}?a=1")) == (422, "idempotency_key_reused")
    assert refused(await post(NAMED, {"name": "Keepers"})) == (422, "idempotency_key_reused")
    others = await post(body={"name": "Others", "permissions": []}, auth=other)
    assert (others.status_code, others.json()["name"]) == (201, "Others")
    assert (await post()).json() == made.json()
    assert (await client.post(GROUPS, json=KEEPERS, headers={"Idempotency-Key": "k-1"})).status_code == 401


@pytest.mark.parametrize(
    "keys",
    [[""], ["k" * 256], ["schlüssel".encode()], ["k\t1"], ["k 1"], ["k-1", "k-1"]],
    ids=["empty", "too long", "not ASCII", "not visible", "a space", "two"],
)
async def test_a_key_that_is_none_is_refused_by_name(client: httpx.AsyncClient, root: SignedIn, keys: list):
    headers = [("Idempotency-Key", key) for key in keys]
    answer = await client.post(GROUPS, json=KEEPERS, auth=root, headers=headers)
    assert refused(answer) == (400, "malformed")


async def test_what_was_refused_leaves_the_key_free(
    post: Callable, client: httpx.AsyncClient, root: SignedIn, aside_connection: asyncpg.Connection
):
    taken = await client.post(GROUPS, json=KEEPERS, auth=root)
    assert [(await post()).status_code for _ in range(2)] == [409, 409]
    assert (await post(body={"name": ""})).status_code == 422
    assert await aside_connection.fetch(KEPT) == []

    await client.delete(taken.headers["location"], auth=root)
    made = await post()
    assert made.status_code == 201
    assert told(await post()) == told(made)


async def test_a_deadlock_runs_it_again_under_the_same_key(
    post: Callable, monkeypatch: pytest.MonkeyPatch, aside_connection: asyncpg.Connection
):
    claim, claimed = idempotency.KeyedWork._claim, []

    async def claim_and_fail(work: idempotency.KeyedWork, slot: Slot) -> None:
        await claim(work, slot)
        if not claimed:
            claimed.append(slot)
            await slot.fetch("DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '40P01'; END $$", ())

    monkeypatch.setattr(idempotency.KeyedWork, "_claim", claim_and_fail)
    made = await post()
    assert (len(claimed), made.status_code, "idempotency-replayed" in made.headers) == (1, 201, False)
    assert await groups(aside_connection) == ["Keepers"]
    assert told(await post()) == told(made)


async def test_who_waits_too_long_for_the_first_is_told_so(
    post: Callable,
    database: Database,
    root: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
    aside_connection: asyncpg.Connection,
):
    begin = UnitOfWork._begin

    async def begin_impatiently(work: UnitOfWork) -> Any:
        slot = await begin(work)
        await slot.raw.execute("SET LOCAL lock_timeout = '50ms'")
        return slot

    monkeypatch.setattr(UnitOfWork, "_begin", begin_impatiently)
    async with aside_connection.transaction():
        key = idempotency.KeyedWork(database, Viewer(root.id), REQUEST, "k-1")._named
        await aside_connection.fetch(idempotency.CLAIM, *key, b"")
        waited = await post()
        assert refused(waited) == (409, "idempotency_key_in_use")
        assert waited.headers["retry-after"] == "1"
        await aside_connection.execute("DELETE FROM platform_idempotency")
    assert (await post()).status_code == 201


async def suppressed(work: UnitOfWork, name: str) -> None:
    """As by a service that catches every failure of a statement."""
    for number in range(2):
        with suppress(idempotency.Repeated):
            await work.fetch(GROUP, (f"{name}{number}",))


async def wrapped(work: UnitOfWork, name: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(work.fetch(GROUP, (f"{name}0",)))
    await work.fetch(GROUP, (f"{name}1",))


@pytest.mark.parametrize("insert", [suppressed, wrapped], ids=["suppressed", "in a task group"])
async def test_a_handler_cannot_let_it_pass_that_the_work_was_done(
    database: Database, root: SignedIn, aside_connection: asyncpg.Connection, insert: Callable
):
    """Of two that both found the key new."""
    works = [idempotency.KeyedWork(database, Viewer(root.id), REQUEST, "k-1") for _ in range(2)]
    both = asyncio.Barrier(2)

    async def make(work: UnitOfWork, name: str) -> Encoded:
        await both.wait()
        await insert(work, name)
        return Encoded(201, name.encode())

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        tasks = [group.create_task(work.run(partial(make, work, name))) for work, name in zip(works, "ab", strict=True)]
    [body] = {task.result().body.decode() for task in tasks}
    assert await groups(aside_connection) == [f"{body}0", f"{body}1"]


async def test_a_secret_is_not_kept_and_what_shows_it_is_done_once(
    post: Callable, root: SignedIn, aside_connection: asyncpg.Connection
):
    wish = {"name": "program", "days": 1}
    assert (await post(NAMED, wish)).status_code == 201
    assert refused(await post(NAMED, wish)) == (409, "answer_not_kept")
    assert [tuple(row) for row in await aside_connection.fetch(KEPT)] == [(None, None)]


async def test_a_password_in_a_body_cannot_be_guessed_by_what_is_kept_of_it(
    post: Callable, aside_connection: asyncpg.Connection
):
    await post(key="k-secret")
    [row] = await aside_connection.fetch("SELECT key, fingerprint FROM platform_idempotency")
    assert b"k-secret" not in row["key"]
    assert len({await idempotency._fingerprint(REQUEST, key) for key in (b"a", b"b")}) == 2


async def test_a_token_that_was_ended_hears_of_that_first(client: httpx.AsyncClient, root: SignedIn):
    def sign_out():
        return client.delete(f"{API}/tokens/current", auth=root, headers={"Idempotency-Key": "k-1"})

    assert [(await sign_out()).status_code for _ in range(2)] == [204, 401]


async def test_requests_of_nobody_have_no_key(client: httpx.AsyncClient, aside_connection: asyncpg.Connection):
    asked = {"json": {"email": "ann@example.com"}, "headers": {"Idempotency-Key": "\t"}}
    assert (await client.post(f"{API}/links/reset", **asked)).status_code == 202
    assert await aside_connection.fetch(KEPT) == []


async def test_a_key_is_forgotten_after_a_day(
    post: Callable,
    database: Database,
    client: httpx.AsyncClient,
    root: SignedIn,
    aside_connection: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(clearing, "AT_ONCE", 1)
    made = await post()
    await client.delete(made.headers["location"], auth=root)
    for hours in (23, 2):
        assert (await post()).json() == made.json()
        age = f"UPDATE platform_idempotency SET created_at = created_at - interval '{hours} hours'"
        await aside_connection.execute(age)
        work = database.unit_of_work()
        await work.run(partial(clear_answers.handler, work))
        assert len(await aside_connection.fetch(KEPT)) == (hours == 23)

    anew = await post()
    assert (anew.status_code, "idempotency-replayed" in anew.headers) == (201, False)
    assert anew.json()["id"] != made.json()["id"]
    more = await aside_connection.fetchval("SELECT name FROM platform_job")
    assert more == clear_answers.name  # there may be more than so many at once
