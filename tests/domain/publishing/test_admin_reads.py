"""What the site's pages read and how: no more than they show, and for nobody longer than a turn."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Litestar
from structlog.testing import capture_logs

from app.domain.admin.opening import opened
from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from app.platform.admin import exporting, spooling
from tests.domain.admin.conftest import Browser, staff
from tests.domain.publishing.test_admin_lists import articles

__all__ = ["staff"]

Enter = Callable[..., Awaitable[Browser]]


async def test_a_page_of_a_hundred_rows_leaves_others_their_turn(sign_in, aside, staff: Enter):
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 100)
    await editor.page("/articles?size=100")
    gaps, ticking = [], True

    async def tick() -> None:
        while ticking:
            begun = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - begun)

    async with asyncio.TaskGroup() as group:
        group.create_task(tick())
        page = await editor.page("/articles?size=100")
        ticking = False
    assert page.count("Whale ") > 100
    assert max(gaps) < sum(gaps) / 4, "of the loop's own thread; drawn in one it is nearly all"


async def test_what_is_only_named_is_read_without_what_is_large_or_secret(
    client,
    sign_in,
    aside,
    staff: Enter,
    statements,
):
    author, admin = await sign_in("ahab"), await staff(is_superuser=True)
    await articles(aside, author.id, 2)
    await client.post("/api/articles/whale-1/comments", json={"comment": {"body": "Blubber"}}, auth=author)
    connection = await aside.connection()
    key = await connection.fetchval("SELECT id FROM publishing_article WHERE slug = 'whale-1'")
    for path, told in (
        ("/articles", "ahab"),
        (f"/articles?author={author.id}", "ahab"),
        ("/articles/lookup/author?q=aha", "ahab"),
        ("/articles/filter/author/lookup?q=aha", "ahab"),
        ("/articles/export", "ahab"),
        ("/comments", "Whale 1"),
        ("/comments/new", "Whale 1"),
        ("/comments/lookup/article?q=whale-2", "Whale 2"),
        ("/users?q=aha", "ahab"),
        ("/tokens", "ahab"),
        ("/invitations/new", ""),
        ("/-/search?q=whale", "Whale 1"),
    ):
        with statements() as sent:
            assert told in await admin.page(path), path
        read = [one for one in sent if re.search(r"accounts_user\w*\.password|publishing_article\w*\.body", one)]
        assert not read, path
    with statements() as sent:
        assert "Blubber" in await admin.page(f"/articles/{key}/edit")
    assert not [one for one in sent if ".password" in one]
    users = [one for one in sent if re.match(r"SELECT accounts_user\.[^F]*accounts_user\.email", one)]
    assert not users, "nobody may change the author, so nobody need be offered"


class SlowReader:
    """Asks for an export and takes the first bytes of it alone, until it goes on or goes away."""

    def __init__(self, app: Litestar, browser: Browser) -> None:
        self._app, self._cookies = app, "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        self.got, self.began, self.goes_on, self.goes_away = b"", asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._asked = self.is_whole = False

    async def read(self) -> None:
        path = "/admin/articles/export"
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
        scope |= {"path": path, "raw_path": path.encode(), "query_string": b"cols=title&cols=slug", "root_path": ""}
        scope |= {"headers": [(b"host", b"testserver"), (b"cookie", self._cookies.encode())]}
        await self._app(scope | {"server": ("testserver", 80), "client": ("127.0.0.1", 1)}, self._receive, self._send)

    async def _receive(self) -> dict[str, object]:
        if self._asked:
            await self.goes_away.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        self.got += message.get("body", b"")
        self.is_whole = message.get("more_body") is False
        if self.got:
            self.began.set()
            await self.goes_on.wait()


async def test_a_slow_reader_of_an_export_holds_neither_a_place_nor_a_slot(
    sign_in,
    aside,
    staff: Enter,
    app: Litestar,
    database,
    monkeypatch,
):
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 1200)
    site = await opened(app.state)
    one, other, third = (SlowReader(app, editor) for _ in range(3))

    async def is_made() -> None:
        while site.exports or database.read.gauges()["in_use"]:
            await asyncio.sleep(0.01)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for reader in (one, other, third):
            group.create_task(reader.read())
            await reader.began.wait()
            await is_made()
        assert b"whale-1\n" not in one.got, "it has but the first of it"
        assert (await editor.get("/admin/articles/export")).status_code == 503, "what waits lies on the disk"
        third.goes_away.set()
        one.goes_on.set()
        other.goes_on.set()
    assert one.got == other.got
    assert one.got.count(b"\n") == 1201
    assert not third.is_whole
    assert one.is_whole
    assert not site.downloads

    monkeypatch.setattr(spooling, "MOST", 10_000)
    monkeypatch.setattr(spooling, "PATIENCE", 0.05)
    cut = SlowReader(app, editor)
    with capture_logs() as logged:
        async with asyncio.timeout(60):
            await cut.read()
            await is_made()
    assert [line["event"] for line in logged if line["log_level"] in {"warning", "error"}] == [
        "an export is broken off: it is read too slowly"
    ]
    assert not cut.is_whole
    assert cut.got.count(b"\n") < 1201
    answer = await editor.get("/admin/articles/export?cols=title&cols=slug")
    assert answer.content == one.got, "who reads gets all of it, whatever the disk holds"
    foreign = await editor.get("/admin/articles/export", headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403


async def test_no_more_exports_are_sent_than_there_are_places_however_many_are_asked_for_at_once(
    sign_in, aside, staff: Enter, app: Litestar, monkeypatch
):
    await articles(aside, (await sign_in()).id, 1)
    editors, site = [await staff(REVISE_ANY_ARTICLE) for _ in range(4)], await opened(app.state)
    monkeypatch.setattr(exporting, "MOST_AT_ONCE", 100)
    readers = [SlowReader(app, editor) for editor in editors for _ in range(4)]
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for reader in readers:
            group.create_task(reader.read())
        for reader in readers:
            await reader.began.wait()
        places = dict(site.downloads)
        for reader in readers:
            reader.goes_on.set()
    assert sum(reader.got.count(b"whale-1") for reader in readers) == sum(places.values()) == exporting.MOST_SENT
    assert max(places.values()) == exporting.MOST_OF_ONE
    assert not site.downloads, "not even a zero of who never comes back"


async def test_a_conflict_shows_what_is_different_whatever_it_is(sign_in, aside, staff: Enter):
    author, admin, connection = await sign_in(), await staff(is_superuser=True), await aside.connection()
    await articles(aside, author.id, 1)
    key = await connection.fetchval("SELECT id FROM publishing_article")
    path, cell = f"/articles/{key}/edit", f"/articles/{key}/edit/description?cols=title&cols=description"
    form, editor = await admin.page(path), await admin.page(cell)
    values = {"title": "Whale 1", "description": "mine", "body": "b", "tag_list": ""}

    await connection.execute("UPDATE publishing_article SET slug = 'other', updated_at = now() + interval '1 s'")
    late = await admin.submit(form, path, 422, **values)
    assert re.search(r"Slug</dt>.*<del[^>]*>whale-1</del>.*<ins>other</ins>", late.text, re.DOTALL)
    assert "Last by" in late.text
    await connection.execute("UPDATE publishing_article SET updated_at = now() + interval '1 day'")
    late = await admin.submit(late.text, path, 422, **values)
    assert re.search(r"Updated at</dt>.*<del[^>]*>20\d\d-.*<ins>20\d\d-", late.text, re.DOTALL)

    await admin.submit(editor, cell, 200, description="of the cell")  # it overrides nothing of all that
    late = await admin.submit(editor, cell, 422, description="mine")
    assert re.search(r"<del[^>]*>d</del> <ins>of the cell</ins>", late.text)
    await admin.submit(late.text, cell, 200, description="mine")  # knowing it
    assert await connection.fetchval("SELECT description FROM publishing_article") == "mine"
