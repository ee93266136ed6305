"""The account: oneself, or for root somebody lesser, with nothing of the caller's surroundings."""

import os
import pwd

import pytest

from app.platform.postgres import account
from app.platform.postgres.account import run, server_account
from app.platform.postgres.errors import PostgresUnavailable, plainly


def test_server_never_runs_as_root():
    assert server_account().pw_uid != 0


def test_one_runs_ones_own_server(monkeypatch: pytest.MonkeyPatch):
    daemon = pwd.getpwnam("daemon")
    monkeypatch.setattr(os, "geteuid", lambda: daemon.pw_uid)

    assert server_account() == daemon


def test_nobody_stands_in_for_a_missing_postgres(monkeypatch: pytest.MonkeyPatch):
    known = {"nobody": pwd.getpwnam("nobody")}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", known.__getitem__)

    assert server_account().pw_name == "nobody"


def test_user_without_a_name_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)

    with pytest.raises(PostgresUnavailable, match=r"User 54321 has no name .*\nMend: "):
        server_account()


def test_commands_do_not_see_the_callers_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPORT", "1")

    assert "PGPORT" not in run("env").stdout


def test_hanging_command_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(account, "COMMAND_SECONDS", 0.01)

    with pytest.raises(PostgresUnavailable, match=r"'sleep', '60'.* timed out .*\nMend: "), plainly():
        run("sleep", "60")
