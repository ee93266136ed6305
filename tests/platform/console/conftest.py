"""The command line in this process, on a migrated database that is one test's own."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from app.platform.cli import console

Command = Callable[..., Result]


@pytest.fixture
def command(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command: its words, and the settings for it by their full names."""
    monkeypatch.setenv("DATABASE_URL", fresh_database_url)
    monkeypatch.setenv("LITEHOUSE_ENVIRONMENT", "test")

    def run(*words: str, given: str | None = None, **settings: str) -> Result:
        return CliRunner().invoke(console, words, input=given, env=settings, prog_name="python -m app")

    return run
