"""`events` shows who is how far and what failed; what failed is tried again or skipped, by name."""

import asyncio

import asyncpg
import pytest

from app.platform.console import events as console
from app.platform.events.subscribers import Subscriber
from app.platform.module import Module
from tests.platform.console.conftest import Command

FILL = """
INSERT INTO platform_event (position, id, at, name, subject, payload)
    SELECT n, uuidv7(), now(), 'shop.order_placed', 'order:7', '{}' FROM generate_series(1, 3) AS n;
INSERT INTO platform_event_end VALUES (1, 3);
INSERT INTO platform_subscription VALUES ('mail.thank', 3), ('stock.count', 1);
INSERT INTO platform_held (subscriber, position, subject, attempts, is_dead, error, due_at)
    VALUES ('mail.thank', 1, 'order:7', 8, true, 'OSError: no route', now() + interval '1 hour'),
           ('mail.thank', 2, 'order:7', 0, false, NULL, now());
"""


@pytest.fixture
def rows(lent_database_url: str):
    """The rows of a statement on a log in which one subscriber is stuck and another one late."""

    async def fetch(statement: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(lent_database_url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def fill() -> None:
        connection = await asyncpg.connect(lent_database_url)
        await connection.execute(FILL)
        await connection.close()

    asyncio.run(fill())
    return lambda statement: asyncio.run(fetch(statement))


@pytest.mark.usefixtures("rows")
def test_it_is_told_who_is_behind_and_what_failed(command: Command):
    assert command("events").stdout.splitlines()[-4:] == [
        "0 published and not in the log yet, the first for 0.0 s",
        "mail.thank: 0 behind, 1 held, 1 dead",
        "stock.count: 2 behind, 0 held, 0 dead",
        "mail.thank 1 shop.order_placed order:7: dead, failed 8 times, at last by OSError: no route",
    ]


@pytest.mark.parametrize("words", [["1"], []], ids=["one", "all"])
def test_what_failed_is_tried_again_at_once(command: Command, rows, words: list[str]):
    assert command("events-retry", "mail.thank", *words).stdout == "1 will be tried again.\n"
    assert rows("SELECT is_dead, attempts, due_at <= now() FROM platform_held WHERE position = 1") == [(False, 0, True)]


def test_what_is_skipped_holds_nothing_back_any_more(command: Command, rows):
    assert command("events-skip", "mail.thank", "1").exit_code == 0
    assert rows("SELECT position FROM platform_held") == [(2,)]


def test_a_subscriber_that_no_module_offers_is_forgotten(command: Command, rows):
    assert command("events-unsubscribe", "mail.thank").stdout == "mail.thank is forgotten.\n"
    assert rows("SELECT name FROM platform_subscription") == [("stock.count",)]
    assert rows("SELECT count(*) FROM platform_held") == [(0,)]
    told = command("events-unsubscribe", "mail.thank")
    assert (told.exit_code, told.stderr) == (1, "Error: subscription: not found\n")


def test_one_that_a_module_offers_is_not_forgotten(command: Command, rows, monkeypatch: pytest.MonkeyPatch):
    mail = Module(name="mail", summary="Letters", subscribers=[Subscriber("mail.thank", _thank, ())])
    monkeypatch.setattr(console, "installed", lambda _names: [mail])
    told = command("events-unsubscribe", "mail.thank")
    assert (told.exit_code, told.stderr) == (
        1,
        "Error: mail.thank is offered by its module: take it out of `subscribers` there first\n",
    )
    assert len(rows("SELECT FROM platform_subscription")) == 2


async def _thank(_work: object, _event: object, _envelope: object) -> None:
    """Nobody."""


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("words", [["events-skip", "mail.thank", "3"], ["events-retry", "stock.count"]])
def test_what_did_not_fail_is_not_found(command: Command, words: list[str]):
    told = command(*words)
    assert (told.exit_code, told.stderr) == (1, "Error: event: not found\n")
