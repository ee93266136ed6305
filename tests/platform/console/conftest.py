"""The command line in this process, on a migrated database."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from app.platform.cli import console

Command = Callable[..., Result]


@pytest.fixture
def command(lent_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command that leaves the schema as it is: its words, and the settings for it by their full names."""
    return _command_on(lent_database_url, monkeypatch)


@pytest.fixture
def altering_command(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The same, for commands that change the schema."""
    return _command_on(fresh_database_url, monkeypatch)


def _command_on(url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("LITEHOUSE_ENVIRONMENT", "test")

    def run(*words: str, given: str | None = None, **settings: str) -> Result:
        return CliRunner().invoke(console, words, input=given, env=settings, prog_name="python -m app")

    return run
