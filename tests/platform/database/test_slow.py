"""Statements that took too long are told once, with their plan, and without a word of what they were about."""

import pytest
from structlog.testing import capture_logs


@pytest.fixture
async def slow(pools):
    """A database to which every statement is slow, its own questions for plans too."""
    database = await pools()
    database._slow.threshold = 0.0
    return database


async def test_a_slow_statement_is_told_once_with_its_plan(slow):
    with capture_logs() as logged:
        for secret in ("hunter2", "hunter3"):
            await slow.reader().fetch("SELECT id FROM account WHERE $1::text <> ''", (secret,))
        await slow._slow.settle()

    [told] = [line for line in logged if line["event"] == "slow statement"]
    assert told["sql"] == "SELECT id FROM account WHERE $1::text <> ''"
    assert any("Scan on account" in line for line in told["plan"])
    assert "hunter" not in str(told)


async def test_the_question_for_a_plan_is_not_asked_about_in_turn(slow):
    with capture_logs() as logged:
        await slow.reader().fetch("SELECT 1", ())
        for _ in range(3):
            await slow._slow.settle()

    assert [line["sql"] for line in logged if line["event"] == "slow statement"] == ["SELECT 1"]


async def test_a_slow_write_is_planned_and_not_done_again(slow, admin):
    with capture_logs() as logged:
        work = slow.unit_of_work()
        await work.run(lambda: work.fetch("INSERT INTO account SELECT $1::int, $2::int", (3, 7)))
        await slow._slow.settle()

    [told] = [line for line in logged if line["event"] == "slow statement"]
    assert told["plan"][0].startswith("Insert on account")
    assert await admin.fetchval("SELECT count(*) FROM account") == 3


async def test_what_has_no_plan_is_told_without(slow):
    with capture_logs() as logged:
        await slow.reader().fetch("SHOW timezone", ())
        await slow._slow.settle()
        assert (await slow.reader().fetch("SELECT 1", ()))[0][0] == 1

    assert logged[0]["plan"][0].startswith("no plan: ")
