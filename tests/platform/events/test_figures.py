"""What a scrape tells of the event log."""

import asyncpg

from app.platform.events.figures import event_figures
from app.platform.figures import figures_page

STATE = """
INSERT INTO platform_event_end VALUES (1, 9);
INSERT INTO platform_subscription VALUES ('mail.thank', 7);
INSERT INTO platform_held (subscriber, position, subject, is_dead) VALUES
    ('mail.thank', 5, 'order:5', false), ('mail.thank', 6, 'order:6', true);
INSERT INTO platform_outbox (at, name, subject, payload) VALUES (now() - interval '90 s', 'a', 'b', '{}');
"""


async def test_it_tells_who_is_behind_and_how_old_the_oldest_is(database, aside):
    connection: asyncpg.Connection = await aside.connection()
    await connection.fetch("SELECT platform_make_event_partitions(4)")  # the template may be of another week
    await connection.execute(STATE)
    lines = dict(
        line.rsplit(" ", 1)
        for line in (await figures_page(database, event_figures)).decode().splitlines()
        if line[0] != "#"
    )
    assert 90 <= float(lines.pop("events_oldest_unsequenced_seconds")) < 150
    assert {name: float(value) for name, value in lines.items()} == {
        "events_partitions_ahead": 4,
        'events_behind{subscriber="mail.thank"}': 2,
        'events_held{subscriber="mail.thank"}': 1,
        'events_dead{subscriber="mail.thank"}': 1,
    }


async def test_the_other_figures_are_told_while_the_database_is_away(database, monkeypatch):
    async def fail(*_: object) -> None:
        raise asyncpg.PostgresConnectionError("gone")

    monkeypatch.setattr("app.platform.database.work.Reader.fetch", fail)
    assert await figures_page(database, event_figures) == b""
