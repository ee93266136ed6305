"""What the looking commands show is what is there."""

import json
from pathlib import Path

import pytest

from app.platform.console import sight
from config.modules import MODULES
from tests.platform.console.conftest import Command


def test_a_sound_installation_has_no_fault(command: Command):
    looked = command("check")
    assert looked.exit_code == 0
    assert {line.partition("  ")[0].strip() for line in looked.stdout.splitlines()} == {"ok"}


def test_what_one_can_do_without_is_noted_and_no_fault(command: Command):
    looked = command("check", LITEHOUSE_MAIL="none")
    assert looked.exit_code == 0
    assert "note   mail can be sent\n       LITEHOUSE_MAIL is none" in looked.stdout


def test_a_missing_migration_is_a_fault(altering_command: Command):
    altering_command("downgrade", "accounts@base")
    looked = altering_command("check")
    assert looked.exit_code == 1
    assert "FAULT  every migration is applied\n       accounts_0001" in looked.stdout


def test_a_database_that_is_down_is_a_fault(command: Command):
    looked = command("check", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert looked.exit_code == 1
    assert "FAULT  the database answers\n       the database cannot be reached" in looked.stdout


def test_pools_that_the_server_cannot_hold_are_told(command: Command):
    looked = command("check", LITEHOUSE_WORKERS="64")
    assert looked.exit_code == 1
    assert looked.stderr.startswith("Error: LITEHOUSE_WORKERS=64 x (")


def test_an_application_that_cannot_be_put_together_is_a_fault(command: Command, monkeypatch: pytest.MonkeyPatch):
    def refuse(_settings: object) -> None:
        raise TypeError("/secret states no permission")

    monkeypatch.setattr(sight, "compose", refuse)
    looked = command("check")
    assert looked.exit_code == 1
    assert "FAULT  the application can be put together\n       /secret states no permission" in looked.stdout


def test_routes_name_method_path_permission_and_whom_they_admit(command: Command):
    listed = command("routes", DATABASE_URL="")  # no database is wanted
    assert listed.exit_code == 0
    row = ["GET", "/health", "public", "yes", "yes", "yes", "yes", "read_health"]
    assert row in [line.split() for line in listed.stdout.splitlines()]
    assert " OPTIONS " not in listed.stdout


def test_modules_are_listed_lowest_first(command: Command):
    lines = command("modules", DATABASE_URL="").stdout.splitlines()
    assert tuple(line.split()[0] for line in lines[1:]) == MODULES


def test_contracts_are_written(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sight, "CONTRACTS", tmp_path)
    assert command("contracts", DATABASE_URL="").exit_code == 0
    assert "/health" in json.loads((tmp_path / "openapi.json").read_text())["paths"]
    assert "GET /health public yes yes yes yes\n" in (tmp_path / "permissions.txt").read_text()
