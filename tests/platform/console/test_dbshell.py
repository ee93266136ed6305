"""`dbshell` hands over to psql, and shows nobody the password."""

from pathlib import Path

import pytest

from app.platform.console import dbshell
from app.platform.postgres.errors import PostgresUnavailable
from tests.platform.console.conftest import Command

PSQL = """#!/bin/sh
printf '%s\\n' "$@" "password: $PGPASSWORD"
exit 3
"""


def test_psql_is_on_the_database(command: Command, capfd: pytest.CaptureFixture[str], lent_database_url: str):
    assert command("dbshell", "-At", "-c", "SELECT current_database()").exit_code == 0
    assert capfd.readouterr().out.strip() in lent_database_url


def test_without_a_psql_on_the_system_the_embedded_one_serves(command: Command, capfd: pytest.CaptureFixture[str]):
    assert command("dbshell", "-At", "-c", "SELECT 6 * 7", PATH="").exit_code == 0
    assert capfd.readouterr().out == "42\n"


def test_without_any_it_is_told(command: Command, monkeypatch: pytest.MonkeyPatch):
    def refuse() -> Path:
        raise PostgresUnavailable("There is no PostgreSQL here", mend="install one")

    monkeypatch.setattr(dbshell, "own_programs", refuse)
    told = command("dbshell", PATH="")
    assert (told.exit_code, told.stderr.startswith("Error: there is no psql here")) == (1, True)


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        (
            "postgresql://ann:p%40ss@db:5433/house?sslmode=require",
            "postgresql://ann@db:5433/house?sslmode=require",
            "p@ss",
        ),
        ("postgresql://ann@db/house", "postgresql://ann@db/house", ""),
        ("postgresql://db/house", "postgresql://db/house", ""),
        (
            "postgresql://ann@db/house?sslmode=require&password=p%40ss+word&application_name=a%20b",
            "postgresql://ann@db/house?sslmode=require&application_name=a%20b",
            "p@ss word",
        ),
        ("postgresql://ann@db/house?p%61ssword=hidden", "postgresql://ann@db/house", "hidden"),
        ("postgresql://ann:first@db/house?password=second", "postgresql://ann@db/house", "first"),
        ("postgresql://ann@db/house?sslkey=k.pem&sslpassword=pem", "postgresql://ann@db/house?sslkey=k.pem", ""),
    ],
    ids=["password", "none", "nobody", "option", "encoded option", "both", "key's"],
)
def test_the_password_is_no_argument(
    command: Command, capfd: pytest.CaptureFixture[str], tmp_path: Path, url: str, shown: str, password: str
):
    (tmp_path / "psql").write_text(PSQL)
    (tmp_path / "psql").chmod(0o755)
    told = command("dbshell", "-c", "SELECT 'two  words'", DATABASE_URL=url, PATH=str(tmp_path))
    assert told.exit_code == 3
    assert capfd.readouterr().out.splitlines() == [shown, "-c", "SELECT 'two  words'", f"password: {password}"]
