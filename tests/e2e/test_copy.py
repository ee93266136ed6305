"""What changes the code is tried on a copy of it: a reload, a new module, and the removal of one."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.running import ROOT, Running, environment, just, reachable_folder, until

NAME = "guest_books"  # two words, in another order among others than those of the templates
# What the whole suite asks of every module, as far as that takes little time, and what this one promises itself.
ASKED = (
    "tests/architecture/test_contracts.py",
    "tests/architecture/test_schema.py",
    "tests/contract/test_openapi.py",
    "tests/contract/test_permissions.py",
    "tests/domain/admin/test_translations.py",
    f"tests/domain/{NAME}",
)
CASES = f"{NAME} or test_schema or of_its_own or every_text_has"


@pytest.fixture
def copy() -> Iterator[Path]:
    """The project in another folder."""
    with reachable_folder() as folder:
        for part in ("app", "config", "migrations", "tests"):  # with what is compiled, which holds for the copy too
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("results", "*.pyc.*"))
        for part in ("justfile", "pyproject.toml"):
            shutil.copy(ROOT / part, folder)
        yield folder


def rows(url: str, query: str) -> list[asyncpg.Record]:
    async def fetch() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


@pytest.mark.long(9)
def test_a_change_of_the_code_is_served_and_a_mistake_survived(copy: Path, lent_database_url: str):
    health = copy / "app" / "platform" / "health.py"
    text = health.read_text()
    with Running("dev", folder=copy, environment="development", database_url=lent_database_url) as run:
        assert run.until_answer().json() == {"status": "ok"}
        health.write_text(f"{text}\nthis is no Python")
        until(lambda: "SyntaxError" in run.said, "the mistake is told")
        health.write_text(text.replace('"ok"', '"very well"'))
        until(lambda: (answer := run.get("/health")) and "very well" in answer.text, "the change is served")
        run.interrupt()
        assert run.ended() == 0


def ran(folder: Path, *words: str) -> str:
    """What a Python module says in the folder; it must not fail."""
    # What it covers is covered by other tests: to measure it again takes a third of the time.
    environ = {name: text for name, text in environment(counted=False).items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    return done.stdout


def texts(folder: Path, *parts: str) -> dict[Path, str]:
    """Everything in these parts of the folder that is written by hand."""
    files = (path for part in parts for path in (folder / part).rglob("*.*"))
    return {path: path.read_text() for path in files if path.suffix in {".json", ".py", ".txt"}}


@pytest.mark.long(40)
@pytest.mark.timeout(300)
def test_a_module_comes_and_goes_on_a_database_that_is_in_use(copy: Path, fresh_database_url: str):
    def recipe(*words: str) -> str:
        return just(*words, folder=copy, environment="test", database_url=fresh_database_url)

    before = texts(copy, "app", "config", "tests")
    assert f"just makemigrations {NAME}" in recipe("new-module", NAME)
    assert "0001_first.py" in recipe("makemigrations", NAME, "first")
    assert f"{NAME}_0001 applied" in recipe("migrate")
    assert f"{NAME} has not changed" in recipe("makemigrations", NAME, "nothing")
    ran(copy, "ruff", "check", "-q")
    ran(copy, "ruff", "format", "-q", "--check")
    ran(copy, "ty", "check", f"--python={sys.prefix}", f"app/domain/{NAME}")
    ran(copy, "pytest", "-q", "-x", "--show-capture=no", "-p", "no:randomly", "-k", CASES, *ASKED)
    rows(fresh_database_url, f"INSERT INTO {NAME}_guest_book (title) VALUES ('Kilroy')")

    assert f"{NAME} is gone" in recipe("remove-module", NAME)
    assert texts(copy, "app", "config", "tests") == before
    assert not (copy / "migrations" / "versions" / NAME).exists()
    assert list((copy / "migrations" / "versions" / "platform").glob(f"*_remove_{NAME}.py"))

    assert "applied" in recipe("migrate")
    assert rows(fresh_database_url, f"SELECT to_regclass('{NAME}_guest_book')")[0][0] is None
    assert "FAULT" not in recipe("check")
