"""`jobs` shows what waits, `jobs-dead` what was given up; it is tried anew, or not done, by id and by name."""

import asyncio

import asyncpg
import pytest

from app.platform.jobs import admin
from app.platform.jobs.table import job
from tests.platform.console.conftest import Command

IDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(1, 6)]
FILL = f"""
INSERT INTO {job.name} (id, name, queue, state, arguments, unique_key, tries, attempts, due_at, ended_at, error) VALUES
    ('{IDS[0]}', 'mail.send', 2, 'waiting', '{{}}', NULL, 5, 0, now() - interval '90 s', NULL, NULL),
    ('{IDS[1]}', 'mail.send', 2, 'dead', '{{}}', NULL, 5, 5, now(), '2026-11-21 12:00Z', E'Traceback\\nOSError: no\\n'),
    ('{IDS[2]}', 'site.build', 4, 'dead', '{{}}', 'a', 5, 5, now(), '2026-11-21 12:01Z', 'ValueError'),
    ('{IDS[3]}', 'site.build', 4, 'dead', '{{}}', 'a', 5, 5, now(), '2026-11-21 12:02Z', 'ValueError'),
    ('{IDS[4]}', 'mail.send', 0, 'done', '{{}}', NULL, 5, 1, now(), now(), NULL);
"""


@pytest.fixture
def states(lent_database_url: str):
    """The jobs' states, by id; it begins with one that waits, three that were given up and one that is done."""

    async def fetch() -> list[str]:
        connection = await asyncpg.connect(lent_database_url)
        try:
            return [row[0] for row in await connection.fetch("SELECT state FROM platform_job ORDER BY id")]
        finally:
            await connection.close()

    async def fill() -> None:
        connection = await asyncpg.connect(lent_database_url)
        await connection.execute(FILL)
        await connection.close()

    asyncio.run(fill())
    return lambda: asyncio.run(fetch())


@pytest.mark.usefixtures("states")
def test_it_is_told_how_many_there_are_and_how_long_the_first_waits(command: Command):
    lines = command("jobs").stdout.splitlines()
    assert lines[0] == "critical: 1 done"
    assert lines[1] == "default: 1 dead"
    assert lines[2].startswith("default: 1 waiting, the first due for 9")
    assert lines[3:] == ["bulk: 2 dead"]


def test_no_jobs_are_told_as_well(command: Command):
    assert command("jobs").stdout == "No jobs.\n"
    assert command("jobs-dead").stdout == "No job was given up.\n"


@pytest.mark.usefixtures("states")
def test_what_was_given_up_is_told_with_its_reason_and_how_much_is_not_shown(
    command: Command, monkeypatch: pytest.MonkeyPatch
):
    shown = command("jobs-dead").stdout.splitlines()
    assert shown[0] == f"{IDS[1]} mail.send at 2026-11-21 12:00 UTC, after 5: OSError: no"
    assert len(shown) == 3
    monkeypatch.setattr(admin.dead, "__defaults__", (2,))
    assert command("jobs-dead").stdout.splitlines() == [*shown[:2], "And 1 more, of later."]


@pytest.mark.parametrize(
    ("words", "count", "after"),
    [
        ([IDS[1]], 1, ["waiting", "waiting", "dead", "dead", "done"]),
        (["site.build"], 1, ["waiting", "dead", "dead", "waiting", "done"]),
        (["--all-dead"], 2, ["waiting", "waiting", "dead", "waiting", "done"]),
    ],
    ids=["id", "name", "all"],
)
def test_what_was_given_up_is_tried_anew_and_of_unique_ones_the_last(command: Command, states, words, count, after):
    assert command("jobs-retry", *words).stdout == f"{count} will be tried again.\n"
    assert states() == after


@pytest.mark.parametrize("words", [[], ["site.build", "--all-dead"]], ids=["nothing", "both"])
def test_which_are_meant_must_be_clear(command: Command, states, words):
    before = states()
    assert command("jobs-retry", *words).exit_code == 2
    assert states() == before


def test_what_waits_or_was_given_up_is_cancelled(command: Command, states):
    assert command("jobs-cancel", IDS[0]).stdout == command("jobs-cancel", IDS[1]).stdout == "Cancelled.\n"
    assert states() == ["cancelled", "cancelled", "dead", "dead", "done"]


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["jobs-cancel", IDS[4]], "state: is done: it cannot be cancelled any more"),
        (["jobs-cancel", IDS[0].replace("1", "9")], "job: not found"),
        (["jobs-retry", IDS[0]], "dead job: not found"),
        (["jobs-retry", "mail.read"], "dead job: not found"),
    ],
    ids=["done", "unknown", "not dead", "no such name"],
)
def test_what_is_over_or_not_there_is_refused(command: Command, words, error):
    told = command(*words)
    assert (told.exit_code, told.stderr) == (1, f"Error: {error}\n")
