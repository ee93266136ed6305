"""The sample comes out in one command, from a database that is in use, and all the rest stays green."""

import asyncio
import shutil
import subprocess
import sys

import asyncpg
import pytest

from tests.e2e.running import ROOT, environment, just, reachable_folder

# What has servers of its own is left out for its time, and what else is marked as long: nothing in it knows a module.
REST = ("tests/architecture", "tests/config", "tests/contract", "tests/domain", "tests/kit", "tests/test_main.py")
PLATFORM = ("test_cors.py", "test_problems.py", "request", "test_security.py", "test_totals.py")
# Of migrations, what goes through all that are installed; the rest waits for locks and makes revisions of its own.
MIGRATIONS = ("up_down_up_ends_where_the_first_up_ended", "each_branch_goes_down_and_up_by_itself")
# Of each test one case: what a module leaves behind, or takes along, is no matter of the cases.
ONE_CASE = """
def pytest_collection_modifyitems(items):
    items[:] = {item.nodeid.partition("[")[0]: item for item in reversed(items)}.values()
    items.reverse()
"""


@pytest.mark.long(60)
@pytest.mark.timeout(480)
def test_without_publishing_everything_else_stays_green(fresh_database_url: str):
    with reachable_folder() as folder:
        for part in ("app", "config", "migrations", "tests"):  # with what is compiled, which holds for the copy too
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("results", "*.pyc.*"))
        for part in ("justfile", "pyproject.toml"):
            shutil.copy(ROOT / part, folder)
        settings = {"folder": folder, "environment": "test", "database_url": fresh_database_url}
        just("seed", "--users", "5", "--articles", "20", "--favorites", "30", "--comments", "10", **settings)

        assert "publishing is gone" in just("remove-module", "publishing", **settings)
        assert "applied" in just("migrate", **settings)
        assert {"seed", "bench"} & set(just("--summary", **settings).split()) == set()
        assert not (folder / "tests" / "benchmarks").exists()

        assert asyncio.run(remaining(fresh_database_url)) == 5
        assert "FAULT" not in just("check", **settings)
        (folder / "one_case.py").write_text(ONE_CASE)
        tests = [*REST, *(f"tests/platform/{name}" for name in PLATFORM)]
        tests += [f"tests/platform/test_migrations.py::test_{name}" for name in MIGRATIONS]
        rest = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "--show-capture=no",
                "-p",
                "no:randomly",
                "-p",
                "one_case",
                "-m",
                "not long",
                *tests,
            ],
            cwd=folder,
            # What they cover is covered by themselves: to measure it again takes a third of their time.
            env={name: text for name, text in environment(counted=False).items() if not name.startswith("PYTEST_")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert rest.returncode == 0, rest.stdout[-5_000:] + rest.stderr[-2_000:]


async def remaining(url: str) -> int:
    """The users who are left, once no table, counter or version of publishing is."""
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetch("SELECT FROM pg_tables WHERE tablename LIKE 'publishing%'") == []
        assert await connection.fetch("SELECT FROM platform_counter WHERE name LIKE 'publishing%'") == []
        assert await connection.fetch("SELECT FROM alembic_version WHERE version_num LIKE 'publishing%'") == []
        return await connection.fetchval("SELECT count(*) FROM accounts_user")
    finally:
        await connection.close()
