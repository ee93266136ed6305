"""Up, down and up again; one process at a time; and what an operator is told when it cannot be done."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import asyncpg
import pytest

from app.platform import migration_session, migrations
from app.platform.migrations import downgrade, history, pending, sql, upgrade
from app.platform.revisions import MigrationError, Revisions
from tests.platform.migrations_copy import fetch, schema, tables, until

ALL = list(Revisions().scripts)
BRANCHES = Revisions().branches


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Threads for what has to go on beside the test."""
    with ThreadPoolExecutor(3) as threads:
        yield threads


def test_an_upgrade_applies_everything_once(empty_database_url):
    told: list[str] = []
    assert pending(empty_database_url) == ALL
    assert upgrade(empty_database_url, tell=told.append) == ALL
    assert told == [f"{revision} applied" for revision in ALL]
    assert pending(empty_database_url) == []
    assert upgrade(empty_database_url) == []


def test_up_down_up_ends_where_the_first_up_ended(empty_database_url):
    upgrade(empty_database_url)
    first = schema(empty_database_url)
    assert downgrade(empty_database_url, "base") == ALL[::-1]
    assert schema(empty_database_url) == set()
    upgrade(empty_database_url)
    assert schema(empty_database_url) == first


@pytest.mark.parametrize("branch", BRANCHES)
def test_each_branch_goes_down_and_up_by_itself(fresh_database_url, branch):
    first = schema(fresh_database_url)
    undone = downgrade(fresh_database_url, f"{branch}@base")
    assert undone[-1] == Revisions().of(branch)[0].revision
    assert set(pending(fresh_database_url)) == set(undone)
    assert upgrade(fresh_database_url, branch)[-1] == Revisions().head(branch)
    upgrade(fresh_database_url)
    assert schema(fresh_database_url) == first


def test_the_last_revision_alone_can_be_undone(fresh_database_url, copy):
    copy.add("platform", 'op.execute("CREATE TABLE platform_first ()")')
    copy.add("platform", 'op.execute("CREATE TABLE platform_second ()")')
    *_, first, second = (script.revision for script in copy.revisions.of("platform"))
    assert upgrade(fresh_database_url, first, folder=copy.path) == [first]
    assert upgrade(fresh_database_url, folder=copy.path) == [second]
    assert downgrade(fresh_database_url, "platform@-1", folder=copy.path) == [second]
    assert pending(fresh_database_url, folder=copy.path) == [second]


def test_history_tells_what_is_applied(empty_database_url):
    upgrade(empty_database_url, "platform")
    told = [(migration.module, migration.revision, migration.applied) for migration in history(empty_database_url)]
    expected = [
        (branch, script.revision, branch == "platform") for branch in BRANCHES for script in Revisions().of(branch)
    ]
    assert told == expected
    assert history(empty_database_url)[0].title == "Counters and touches"


def statements(script: str) -> Iterator[str]:
    """Each by itself, as psql sends them; the body of a function is in one."""
    begun = ""
    for part in script.split(";\n\n"):
        begun += part
        if begun.count("$$") % 2:
            begun += ";\n\n"
        elif begun.strip():
            yield begun
            begun = ""


def test_the_sql_is_what_an_upgrade_runs(empty_database_url, fresh_database_url):
    async def run() -> None:
        connection = await asyncpg.connect(empty_database_url)
        for revision in ALL:
            for statement in statements(sql(revision)):
                await connection.execute(statement)
        await connection.close()

    asyncio.run(run())
    # But for the triggers of audited tables, which follow the modules' declarations after each upgrade.
    migrated = {row for row in schema(fresh_database_url) if not row[1].startswith("audited_")}
    assert schema(empty_database_url) == migrated
    assert sql("platform").count("BEGIN;") == len(Revisions().of("platform"))


def test_the_sql_of_what_there_is_not_is_refused():
    with pytest.raises(MigrationError, match="nonsense"):
        sql("nonsense")


def test_a_later_revision_of_a_branch_that_others_stand_on(fresh_database_url, copy):
    # alembic_version has no row of platform by now: its revisions are covered by those that depend on them.
    copy.add("platform", 'op.execute("CREATE TABLE platform_later ()")')
    later = copy.revisions.head("platform")
    assert pending(fresh_database_url, folder=copy.path) == [later]
    assert upgrade(fresh_database_url, folder=copy.path) == [later]
    assert pending(fresh_database_url, folder=copy.path) == []


def test_concurrent_upgrades_apply_each_revision_once(empty_database_url, beside, monkeypatch):
    monkeypatch.setattr(migrations, "ALEMBIC", nullcontext())  # as between processes: only the database is shared
    done = list(beside.map(upgrade, [empty_database_url] * 3))
    assert sorted(done) == [[], [], ALL]


def test_whoever_waits_for_a_turn_holds_up_nothing(empty_database_url, beside):
    """Waiting inside pg_advisory_lock would be a deadlock: CREATE INDEX CONCURRENTLY waits for every snapshot."""
    told: list[str] = []

    async def hold_the_turn() -> None:
        holder = await asyncpg.connect(empty_database_url)
        await holder.execute("CREATE TABLE reading (value int)")
        await holder.fetchval("SELECT pg_advisory_lock($1)", migration_session.TURN)
        waiting = beside.submit(upgrade, empty_database_url, tell=told.append)
        await asyncio.to_thread(until, lambda: told)
        for _ in range(5):
            await holder.execute("CREATE INDEX CONCURRENTLY ON reading (value)", timeout=10)
        assert not waiting.done()
        await holder.close()  # dropped, not unlocked
        assert await asyncio.wrap_future(waiting) == ALL

    asyncio.run(hold_the_turn())
    assert told[0].startswith("another process is migrating")


def test_a_lost_connection_gives_up_its_turn(fresh_database_url, copy, beside):
    copy.add("platform", """op.execute("CREATE TABLE platform_half ()"); op.execute("SELECT pg_sleep(60)")""")
    stuck = beside.submit(upgrade, fresh_database_url, folder=copy.path)
    find = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'"
    until(lambda: fetch(fresh_database_url, find))
    next_one = beside.submit(upgrade, fresh_database_url)
    fetch(fresh_database_url, f"SELECT pg_terminate_backend(pid) FROM ({find}) AS stuck")
    with pytest.raises(MigrationError, match=r"addition.py:\d+"):
        stuck.result(timeout=10)
    assert next_one.result(timeout=10) == []
    assert "platform_half" not in tables(fresh_database_url)


def test_a_failing_revision_is_undone_and_those_before_it_stay(fresh_database_url, copy):
    copy.add("platform", 'op.execute("CREATE TABLE platform_kept ()")')
    copy.add(
        "platform", """op.execute("CREATE TABLE platform_undone ()"); op.execute("SELECT 1 / 0")""", title="Failure"
    )
    with pytest.raises(MigrationError) as refusal:
        upgrade(fresh_database_url, folder=copy.path)
    number = copy.revisions.head("platform").removeprefix("platform_")
    assert f"platform/{number}_failure.py:" in str(refusal.value)
    assert "division by zero" in str(refusal.value)
    assert tables(fresh_database_url) & {"platform_kept", "platform_undone"} == {"platform_kept"}
    assert pending(fresh_database_url, folder=copy.path) == [f"platform_{number}"]


def test_a_lock_that_is_not_had_in_time_is_named_with_its_holder(fresh_database_url, copy, monkeypatch):
    monkeypatch.setattr(migration_session, "WATCH_SECONDS", 0.1)
    copy.add("platform", 'op.execute("ALTER TABLE platform_counter ADD COLUMN more int")')

    async def hold_the_table() -> str:
        holder = await asyncpg.connect(fresh_database_url, server_settings={"application_name": "the holder"})
        try:
            async with holder.transaction():
                await holder.execute("LOCK TABLE platform_counter IN SHARE MODE")
                with pytest.raises(MigrationError) as refusal:
                    await asyncio.to_thread(upgrade, fresh_database_url, folder=copy.path)
                return str(refusal.value)
        finally:
            await holder.close()

    told = asyncio.run(hold_the_table())
    assert "lock timeout" in told
    assert "AccessExclusiveLock on platform_counter" in told
    assert "the holder, idle in transaction" in told
    assert "LOCK TABLE platform_counter IN SHARE MODE" in told


def test_a_long_statement_may_take_its_time(fresh_database_url, copy):
    name = fetch(fresh_database_url, "SELECT current_database()")[0][0]
    fetch(fresh_database_url, f"ALTER DATABASE \"{name}\" SET statement_timeout = '100ms'")
    copy.add("platform", 'op.execute("SELECT pg_sleep(0.3)")')
    assert len(upgrade(fresh_database_url, folder=copy.path)) == 1


def test_an_index_can_be_made_concurrently(fresh_database_url, copy):
    body = """
    with op.get_context().autocommit_block():
        op.create_index("ix_platform_counter_value", "platform_counter", ["value"], postgresql_concurrently=True)
    """
    copy.add("platform", body.strip())
    assert len(upgrade(fresh_database_url, folder=copy.path)) == 1


def test_two_databases_are_migrated_side_by_side(empty_database_url, fresh_database_url, beside):
    downgrade(fresh_database_url, "base")
    done = list(beside.map(upgrade, [empty_database_url, fresh_database_url]))
    assert done == [ALL, ALL]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nonsense", "nonsense"),
        ("platform", "platform@-1"),
        ("platform@-99", "-99"),
    ],
    ids=["no-revision", "a-whole-module-by-its-name", "more-than-there-are"],
)
def test_a_wrong_target_is_refused(database_url, target, told):
    before = schema(database_url)
    with pytest.raises(MigrationError, match=told):
        downgrade(database_url, target)
    assert schema(database_url) == before


def test_a_database_that_is_ahead_of_the_code_is_refused(fresh_database_url, copy):
    copy.add("platform", "pass")
    upgrade(fresh_database_url, folder=copy.path)
    ahead = copy.revisions.head("platform")
    for attempt in (pending, history, upgrade):
        with pytest.raises(MigrationError, match=f"the database has {ahead}.*newer code"):
            attempt(fresh_database_url)


def test_a_postgresql_without_uuidv7_is_refused(empty_database_url, monkeypatch):
    monkeypatch.setattr(migration_session, "MINIMUM_POSTGRES", 99)
    with pytest.raises(MigrationError, match=r"too old.*uuidv7"):
        upgrade(empty_database_url)
    assert tables(empty_database_url) == set()


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@/none?host=/nowhere"], ids=["port", "socket"]
)
def test_an_unreachable_database_is_said_to_be_one(url):
    with pytest.raises(MigrationError, match="cannot be reached"):
        upgrade(url)


def test_nothing_is_left_running(empty_database_url):
    upgrade(empty_database_url)
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until(lambda: fetch(empty_database_url, query)[0][0] == 0)
