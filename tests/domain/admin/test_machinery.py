"""The pages of the machinery from outside: what they show, to whom, and what one does there."""

import importlib
import os
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import asyncpg
import pytest
from adminsite import ModelView
from litestar import Litestar
from sqlalchemy import ColumnElement, func

from app.domain.accounts.models import Group
from app.domain.admin import building, opening
from app.domain.admin.permissions import MANAGE_MACHINERY, SEE_MACHINERY
from app.platform.admin.model_admin import Access
from config.settings import known_names
from tests.conftest import Aside
from tests.domain.admin.conftest import OURS, Browser, GroupAdmin

Enter = Callable[..., Awaitable[Browser]]

CANARY = "8xQcanary"
LOG = f"""
INSERT INTO platform_event_end VALUES (1, 9);
INSERT INTO platform_event (position, id, at, name, subject, payload)
SELECT n, uuidv7(), now(), 'ships.ship_sailed', 'ship:' || n, '{{"secret": "{CANARY}"}}' FROM generate_series(1, 70) n;
INSERT INTO platform_subscription VALUES ('mail.thank', 7);
INSERT INTO platform_held (subscriber, position, subject, attempts, is_dead, error) VALUES
    ('mail.thank', 3, 'ship:3', 5, true, 'OSError: no route'), ('mail.thank', 4, 'ship:4', 1, false, 'OSError: later');
INSERT INTO platform_outbox (at, name, subject, payload) VALUES (now() - interval '5 hours', 'a', 'b', '{{}}');
"""
MAIL = f"""
INSERT INTO platform_mail (id, message_id, recipient, subject, content, failed_at, error) VALUES
    (uuidv7(), '<1@here>', 'ann@example.com', 'Welcome', NULL, now(), '550 nobody here'),
    (uuidv7(), '<2@here>', 'bob@example.com', 'A new link', '{CANARY}', NULL, NULL);
INSERT INTO platform_mail_suppression VALUES ('old@example.com', 'it bounced');
"""
# How many statements a page sends: two more say who asks.
STATEMENTS = {"events": 6, "mail": 5, "health": 2, "migrations": 1, "settings": 0}


@pytest.fixture
async def connection(aside: Aside) -> asyncpg.Connection:
    return await aside.connection()


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_page_is_for_those_who_may_see_the_machinery(staff: Enter, statements, name):
    stranger, seer = await staff(MANAGE_MACHINERY), await staff(SEE_MACHINERY)
    await stranger.page(f"/-/{name}", 404)
    assert f"/-/{name}" not in await stranger.page("/")
    assert f"/admin/-/{name}" in await seer.page("/")
    with statements(at_most=2 + STATEMENTS[name]):
        assert "</table>" in await seer.page(f"/-/{name}")


async def test_events_are_seen_tried_again_and_skipped(staff: Enter, connection):
    await connection.execute(LOG)
    seer, manager = await staff(SEE_MACHINERY), await staff(SEE_MACHINERY, MANAGE_MACHINERY)
    shown = await seer.page("/-/events")
    for text in ("mail.thank", "ship:70", "ship:21", "OSError: no route", "no module offers it any more", "5 h"):
        assert text in shown
    assert CANARY not in shown
    assert "ship:20<" not in shown
    assert "ship:20<" in await seer.page("/-/events?after=21")
    assert 'value="skip"' not in shown
    skipping = {"subscriber": "mail.thank", "position": 4}
    await seer.deed("/-/events", "skip", 404, **skipping)
    assert "is skipped" in await manager.deed("/-/events", "skip", **skipping)
    assert "1 event is tried again" in await manager.deed("/-/events", "retry", subscriber="mail.thank")
    assert "not found" in await manager.deed("/-/events", "skip", **skipping)
    rows = await connection.fetch("SELECT position, is_dead, attempts FROM platform_held")
    assert [tuple(row) for row in rows] == [(3, False, 0)]


@pytest.mark.parametrize(
    ("deed", "values"),
    [("skip", {"subscriber": "x", "position": "many"}), ("retry", {}), ("get_context", {}), ("", {})],
    ids=["no number", "nothing", "no deed", "none"],
)
async def test_a_deed_that_cannot_be_is_refused(staff: Enter, deed, values):
    manager = await staff(SEE_MACHINERY, MANAGE_MACHINERY)
    is_known = deed in {"skip", "retry"}
    shown = await manager.deed("/-/events", deed, 303 if is_known else 404, **values)
    assert ('role="alert"' in shown) == is_known


async def test_a_forged_form_does_nothing(staff: Enter, connection):
    await connection.execute(MAIL)
    manager = await staff(SEE_MACHINERY, MANAGE_MACHINERY)
    form = {"deed": "unsuppress", "address": "old@example.com"}
    assert (await manager.post("/admin/-/mail", data=form, headers=OURS)).status_code == 403
    assert await connection.fetchval("SELECT count(*) FROM platform_mail_suppression") == 1


async def test_mail_is_seen_without_what_it_says(staff: Enter, connection):
    await connection.execute(MAIL)
    seer, manager = await staff(SEE_MACHINERY), await staff(SEE_MACHINERY, MANAGE_MACHINERY)
    shown = await seer.page("/-/mail")
    for text in ("ann@example.com", "550 nobody here", "bob@example.com", "old@example.com", "it bounced"):
        assert text in shown
    assert CANARY not in shown
    await seer.deed("/-/mail", "suppress", 404, address="eve@example.com")
    assert "eve@example.com gets no mail any more" in await manager.deed(
        "/-/mail", "suppress", address="eve@example.com"
    )
    assert 'role="alert"' in await manager.deed("/-/mail", "suppress", address="nobody")
    assert "old@example.com gets mail again" in await manager.deed("/-/mail", "unsuppress", address="old@example.com")
    rows = await connection.fetch("SELECT address, reason FROM platform_mail_suppression")
    assert [tuple(row) for row in rows] == [("eve@example.com", "an admin wants it so")]


async def test_every_setting_is_shown_with_where_it_came_from(staff: Enter, app: Litestar):
    shown = await (await staff(SEE_MACHINERY)).page("/-/settings")
    for name in set(known_names()) - {"DATABASE_URL", "LITEHOUSE_SECRETS_DIR"}:
        assert f">{name}<" in shown
    assert "the environment, as DATABASE_URL" in shown
    assert "postgresql://" not in shown


async def test_health_tells_of_the_process_that_answers(staff: Enter, app: Litestar, monkeypatch):
    seer = await staff(SEE_MACHINERY)
    shown = await seer.page("/-/health")
    assert f"· {os.getpid()}" in shown
    assert "litehouse read" in shown
    assert "is being drained" not in shown
    monkeypatch.setattr(app.state.readiness, "draining", True)
    assert "is being drained" in await seer.page("/-/health")
    assert "This process is being drained" in await seer.page("/")


async def test_migrations_that_are_not_applied_are_told(staff: Enter, monkeypatch):
    seer = await staff(SEE_MACHINERY)
    shown = await seer.page("/-/migrations")
    assert "platform_0001" in shown
    assert "not applied" not in shown
    page = importlib.import_module("app.domain.admin.machinery.migrations")
    monkeypatch.setattr(page, "APPLIED", "SELECT version_num FROM alembic_version WHERE false")
    assert "not applied" in await seer.page("/-/migrations")
    assert "migrations are not applied" in await seer.page("/")
    monkeypatch.setattr(page, "APPLIED", "SELECT 'platform_9999'")
    assert "the database has platform_9999" in await seer.page("/-/migrations")
    assert "the database has platform_9999" in await seer.page("/")


async def test_the_first_page_says_what_needs_attention_and_that_all_is_well(staff: Enter, connection, statements):
    root, nobody, seer = await staff(is_superuser=True), await staff(), await staff(SEE_MACHINERY)
    assert "All is well." in await root.page("/")
    await connection.execute(LOG)
    await connection.execute(MAIL)
    with statements(at_most=13) as sent:
        shown = await root.page("/")
    told = ("mail.thank gave 1 event up", "An event has waited for 5 h", "1 mail of the last day failed")
    for text in told:
        assert text in shown
    assert 'href="/admin/-/events"' in shown
    assert "All is well." not in shown
    shown = await seer.page("/")
    assert not [text for text in told if text not in shown]
    shown = await nobody.page("/")
    assert "All is well." in shown
    assert not [text for text in told if text in shown]
    await connection.execute(MAIL.replace("<", "<0").replace("old@", "older@"))
    with statements(at_most=len(sent)):
        assert "2 mails of the last day failed" in await root.page("/")


async def test_it_speaks_german(staff: Enter, connection):
    await connection.execute(MAIL)
    root = await staff(is_superuser=True)
    root.headers["Accept-Language"] = "de-DE,de;q=0.9,en;q=0.5"
    shown = await root.page("/")
    for text in ("Was Aufmerksamkeit braucht", "1 Mail des letzten Tages ist fehlgeschlagen", "Aufträge", "Ereignisse"):
        assert text in shown
    assert "Wer keine Mail bekommt" in await root.page("/-/mail")
    assert "Ereignis nicht gefunden" in await root.deed("/-/events", "skip", subscriber="x", position=7)
    assert "`int` erwartet, nicht `str`" in await root.deed("/-/events", "skip", subscriber="x", position="many")


class Found(GroupAdmin):
    """Groups, which are found by an index."""

    name = "found"
    access = Access(SEE_MACHINERY)
    searchable_fields = (Group.name,)

    def search_condition(self, term: str, *, request: object) -> ColumnElement[bool]:  # noqa: ARG002 - adminsite's
        return func.lower(Group.name) == term.lower()


class Scanned(Found):
    """The same, by a look at each."""

    name = "scanned"
    search_condition = ModelView.search_condition


async def test_the_search_finds_pages_and_records_of_who_may_see_them(
    staff: Enter, statements, whales: str, monkeypatch
):
    monkeypatch.setattr(building, "offered", lambda _modules: [Found, Scanned])
    monkeypatch.setattr(opening, "_sites", WeakKeyDictionary())
    seer, nobody = await staff(SEE_MACHINERY), await staff()
    await seer.page("/")
    with statements(at_most=2 + 3) as sent:  # who asks; the transaction and what is looked for
        shown = await seer.page("/-/search?q=whales")
    assert f"/admin/found/{whales}" in shown
    assert f"/admin/scanned/{whales}" not in shown
    assert not [statement for statement in sent if "LIKE" in statement]
    with statements(at_most=2 + 3):
        assert "/admin/-/migrations" in await seer.page("/-/search?q=migra")
    assert f"/admin/found/{whales}" not in await nobody.page("/-/search?q=whales")
    assert "/admin/-/migrations" not in await nobody.page("/-/search?q=migra")
