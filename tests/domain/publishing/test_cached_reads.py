"""Cached reads: what anonymous readers are answered from memory, and what brings it up to date."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from app.kit.errors import Busy
from app.kit.identity import Permission
from app.platform import cached_reads
from app.platform.cached_reads import CachedReads
from app.platform.database import changes
from app.platform.handlers import get
from app.platform.security import PUBLIC

TAGS = "/api/tags"
ARTICLE = {"title": "Whales", "description": "d", "body": "b", "tagList": ["sea"]}


@pytest.fixture
async def path(client: httpx.AsyncClient, sign_in: Callable[..., Any]) -> str:
    """The path of an article."""
    made = await client.post("/api/articles", json={"article": ARTICLE}, auth=await sign_in("ann"))
    return made.headers["location"]


@pytest.fixture(autouse=True)
async def kept(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> CachedReads:
    """The application's cache, with nothing in it, and knowing of all that was committed."""
    await app.state.kept._changes.check(time.monotonic())
    monkeypatch.setattr(app.state.kept, "_kept", OrderedDict())
    monkeypatch.setattr(app.state.kept, "_size", 0)
    return app.state.kept


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked for as long as a test lasts: what changes then shows only when it must."""
    monkeypatch.setattr(cached_reads, "BOUND", 60.0)


@pytest.mark.usefixtures("patient")
async def test_a_second_reader_is_answered_without_a_statement(client, path, statements):
    first = await client.get(path)
    with statements(at_most=0):
        second = await client.get(path)
    assert (second.content, second.status_code) == (first.content, 200)
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["x-request-id"] != first.headers["x-request-id"]


@pytest.mark.usefixtures("patient")
async def test_an_etag_is_answered_by_304_without_a_body(client, path, statements):
    etag = (await client.get(path)).headers["etag"]
    with statements(at_most=0):
        known = await client.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    assert (await client.get(path, headers={"If-None-Match": "*"})).status_code == 304


async def test_a_first_reader_with_the_right_etag_gets_304_too(client, path, kept):
    etag = (await client.get(path)).headers["etag"]
    kept._drop(next(iter(kept._kept)))
    assert (await client.get(path, headers={"If-None-Match": etag})).status_code == 304


@pytest.mark.usefixtures("patient")
async def test_the_etag_of_a_write_is_never_answered_by_what_was_before_it(client, sign_in):
    author = await sign_in("bob")
    article = (await client.post("/api/articles", json={"article": ARTICLE | {"title": "Bob's"}}, auth=author)).headers
    before = await client.get(article["location"])
    written = await client.put(article["location"], json={"article": {"body": "new"}}, auth=author)
    assert written.headers["etag"] != before.headers["etag"]

    answer = await client.get(article["location"], headers={"If-None-Match": written.headers["etag"]})
    assert answer.status_code == 304 or answer.json()["article"]["body"] == "new"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("header", "value"),
    [("Authorization", "Token {}"), ("Cookie", "session={}"), ("Cookie", "theme=dark; session={}")],
    ids=["token", "session", "session among others"],
)
async def test_who_sends_a_credential_is_never_answered_from_memory(client, path, sign_in, header, value):
    await client.get(path)
    reader = await sign_in("carl")
    await client.post(f"{path}/favorite", auth=reader)
    headers = {header: value.format(reader.token)}
    assert (await client.get(path, headers=headers)).json()["article"]["favoritesCount"] == 1


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("cookie", ["theme=dark", "my_session=1", "a=1; _session=2"], ids=str)
async def test_other_cookies_make_nobody_of_a_reader(client, path, statements, cookie):
    await client.get(path)
    with statements(at_most=0):
        answer = await client.get(path, headers={"Cookie": cookie})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE publishing_article SET body = 'raw'",
        "UPDATE accounts_user SET bio = 'raw'",
        "UPDATE publishing_tagging SET tag = 'raw'",
        "DELETE FROM publishing_article",
        "TRUNCATE publishing_article CASCADE",
    ],
)
async def test_whoever_changes_a_table_is_seen(client, path, database, monkeypatch, change):
    monkeypatch.setattr(cached_reads, "BOUND", 0.0)
    before = [(await client.get(one)).text for one in (path, "/api/articles")]
    await raw(database.url, change)
    after = [(await client.get(one)).text for one in (path, "/api/articles")]
    assert before[0] != after[0]
    assert before[1] != after[1]


async def test_a_transaction_that_began_first_and_commits_last_is_seen(client, path, database, monkeypatch):
    monkeypatch.setattr(cached_reads, "BOUND", 0.0)
    slow = await asyncpg.connect(database.url)
    try:
        async with slow.transaction():
            await slow.execute("UPDATE publishing_article SET body = 'slow'")
            await raw(database.url, "UPDATE accounts_user SET bio = 'quick'")
            assert (await client.get(path)).json()["article"]["author"]["bio"] == "quick"
            assert (await client.get(path)).json()["article"]["body"] == "b"
        assert (await client.get(path)).json()["article"]["body"] == "slow"
    finally:
        await slow.close()


@pytest.mark.usefixtures("patient")
async def test_a_hundred_who_ask_at_once_cost_one_computation(app, path, statements):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as many:
        with statements() as sent:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(many.get(path)) for _ in range(100)]
    assert {task.result().status_code for task in asked} == {200}
    assert sum(statement.startswith("SELECT publishing_article") for statement in sent) == 1


@pytest.mark.usefixtures("patient")
async def test_what_is_not_there_is_asked_each_time(client, statements):
    with statements() as sent:
        for _ in range(3):
            assert (await client.get("/api/articles/nothing")).status_code == 404
    assert sum("FROM publishing_article" in statement for statement in sent) == 3


async def test_a_table_without_a_mark_is_not_kept(client, path, kept, monkeypatch):
    monkeypatch.setattr(kept._changes, "marked", kept._changes.marked - {"accounts_user"})
    await client.get(path)
    assert not kept._kept


async def test_who_has_not_asked_for_long_takes_everything_for_changed(client, path, monkeypatch, statements):
    monkeypatch.setattr(cached_reads, "BOUND", 0.0)
    await client.get(path)
    monkeypatch.setattr(changes, "KEPT_SECONDS", -1.0)
    with statements() as sent:
        await client.get(path)
    assert any("FROM publishing_article" in statement for statement in sent)


async def test_old_marks_are_cleared_away_and_young_ones_are_not(app, database):
    await raw(database.url, "UPDATE accounts_user SET bio = 'old'")
    await raw(database.url, "UPDATE accounts_user SET bio = 'young'")
    young = await raw(database.url, "SELECT max(xid) FROM platform_change")
    await app.state.kept._changes._forget(f"{young}:{young}:")
    assert await raw(database.url, "SELECT array_agg(xid) FROM platform_change") == [young]


async def test_a_server_that_is_another_one_is_asked_anew(client, path, kept, monkeypatch, statements):
    monkeypatch.setattr(cached_reads, "BOUND", 0.0)
    await client.get(path)
    monkeypatch.setattr(kept._changes, "_server", "a former one")
    with statements() as sent:
        await client.get(path)
    assert any("FROM publishing_article" in statement for statement in sent)


async def test_a_check_that_fails_fails_at_once_for_all_who_wait(client, path, kept, monkeypatch):
    failing, tries = asyncio.Event(), []

    async def fail(*_: object) -> None:
        tries.append(1)
        await failing.wait()
        raise Busy("no database connection was free", retry_after=1)

    monkeypatch.setattr(kept._changes, "_check", fail)
    monkeypatch.setattr(kept._changes, "checked_at", float("-inf"))
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get(path)) for _ in range(20)]
        while not tries:
            await asyncio.sleep(0)
        failing.set()
    assert {task.result().status_code for task in asked} == {503}
    assert len(tries) == 1


async def test_long_queries_count(client, path, kept):
    await client.get(f"{path}?x={'y' * 10_000}")
    assert kept._size > 10_000


async def test_a_route_of_the_same_form_is_not_kept(path, kept, monkeypatch, client):
    monkeypatch.setattr(kept, "_routes", frozenset())
    answer = await client.get(path)
    assert (answer.status_code, "etag" in answer.headers) == (200, False)
    assert not kept._kept


async def test_signed_in_answers_are_told_to_vary_too(client, path, sign_in):
    answer = await client.get(path, auth=await sign_in("dora"))
    assert answer.headers["vary"] == "Authorization, Cookie"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("patient")
async def test_the_least_used_answers_make_room(client, path, kept, monkeypatch):
    monkeypatch.setattr(kept, "_capacity", 40_000)
    for number in range(40):
        await client.get(f"{path}?number={number}")
    assert 0 < kept._size <= 40_000
    assert kept._size == sum(one.size for one in kept._kept.values())
    assert next(reversed(kept._kept))[1] == b"number=39"


@pytest.mark.parametrize(
    ("error", "status"),
    [(asyncpg.ConnectionDoesNotExistError("gone"), 503), (asyncpg.UndefinedTableError("not migrated"), 200)],
    ids=["gone", "not migrated"],
)
async def test_a_database_that_cannot_be_asked(client, path, kept, monkeypatch, error, status):
    await client.get(path)

    async def fail(_: float) -> None:
        raise error

    monkeypatch.setattr(kept._changes, "check", fail)
    monkeypatch.setattr(kept._changes, "checked_at", 0.0)
    assert (await client.get(path)).status_code == status


async def test_a_cached_route_takes_a_reader():
    with pytest.raises(TypeError, match="is cached: it takes a reader"):

        @get("/loose", permission=PUBLIC, cached=True)
        async def loose() -> Permission | None:
            """What comes from nowhere."""


async def raw(url: str, sql: str) -> Any:
    """Do something past the application."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
