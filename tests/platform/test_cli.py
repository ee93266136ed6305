"""The command line as a whole: every command is found, cheaply, and what goes wrong is said in words."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.platform.cli import ROOM_OF, Console, console
from app.platform.module import installed
from config.modules import MODULES

ROOT = Path(__file__).resolve().parents[2]
OF_MODULES = [str(command.name) for module in installed(MODULES) for command in module.commands]

LIGHT = """
import json, sys
from app.platform.cli import console
console(["healthcheck", "--help"], standalone_mode=False)
print(json.dumps([name for name in ("litestar", "sqlalchemy", "asyncpg") if name in sys.modules]))
"""


@pytest.mark.parametrize("name", [*ROOM_OF, *OF_MODULES])
def test_every_command_says_what_it_does_without_a_database(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("LITEHOUSE_DATA_FOLDER", str(tmp_path / "data"))
    told = CliRunner().invoke(console, [name, "--help"], prog_name="python -m app")
    assert told.exit_code == 0
    assert told.stdout.startswith(f"Usage: python -m app {name}")
    assert not (tmp_path / "data").exists()


def test_all_commands_are_listed():
    told = CliRunner().invoke(console, ["--help"])
    assert told.exit_code == 0
    assert {line.split()[0] for line in told.stdout.partition("Commands:\n")[2].splitlines()} == {*ROOM_OF, *OF_MODULES}


def test_an_unknown_command_is_a_mistake_in_the_call():
    told = CliRunner().invoke(console, ["migrat"])
    assert told.exit_code == 2
    assert "No such command 'migrat'" in told.stderr


def test_a_health_check_loads_no_framework():
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_an_interrupted_command_ends_without_a_word(monkeypatch: pytest.MonkeyPatch):
    @click.command()
    def wait() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Console, "get_command", lambda *_: wait)
    told = CliRunner().invoke(console, ["wait"])
    assert (told.exit_code, told.output) == (130, "")
