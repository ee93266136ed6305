"""The doors: no network, no trust, and no user of the system but the project's."""

import getpass
import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from app.platform.postgres.account import is_root, run
from app.platform.postgres.doors import SOCKET
from app.platform.postgres.errors import PostgresUnavailable
from app.platform.postgres.installation import own_programs
from tests.platform.postgres.project import Project


def test_socket_is_in_a_folder_of_the_servers_user_alone(project: Project):
    with project.share() as server:
        found = server.socket.stat()

    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (server.account.pw_uid, 0o700)


def test_path_of_the_socket_is_short_however_deep_the_project(project: Project):
    deep = Project(project.folder / ("deep/" * 100) / ".data", project.state)

    assert len(os.fsencode(deep.server.socket / SOCKET)) < 100


def test_one_rule_lets_in(project: Project):
    with project.share():
        rules = project.ask("SELECT type, database, user_name, auth_method, options FROM pg_hba_file_rules")
        names = project.ask("SELECT map_name, sys_name, pg_username FROM pg_ident_file_mappings")

    assert rules == "local|{all}|{litehouse}|peer|{map=litehouse}"
    assert names == f"litehouse|{getpass.getuser()}|litehouse"


def test_no_rule_on_disk_trusts(project: Project):
    with project.share() as server:
        rules = [line for path in server.home.rglob("pg_hba.conf") for line in path.read_text().splitlines()]

    assert not [rule for rule in rules if "trust" in rule and not rule.startswith("#")]


def test_folder_that_another_could_enter_is_refused(project: Project):
    project.server.socket.mkdir(mode=0o755)
    project.server.socket.chmod(0o755)
    try:
        with pytest.raises(PostgresUnavailable, match=r"alone\nMend: delete it"), project.share():
            pass
    finally:
        project.server.socket.rmdir()


def test_link_in_place_of_the_folder_is_refused(project: Project):
    with tempfile.TemporaryDirectory() as elsewhere:
        project.server.socket.symlink_to(elsewhere)
        try:
            with pytest.raises(PostgresUnavailable, match=r"alone\nMend: delete it"), project.share():
                pass
            assert not any(Path(elsewhere).iterdir())
        finally:
            project.server.socket.unlink()


if is_root():  # root alone can be somebody else

    def test_folder_that_another_user_made_is_refused(project: Project):
        project.server.socket.mkdir(mode=0o700)
        os.chown(project.server.socket, 12345, 12345)
        try:
            with pytest.raises(PostgresUnavailable, match=r"alone\nMend: delete it"), project.share():
                pass
        finally:
            project.server.socket.rmdir()

    def test_folder_of_a_start_killed_before_it_gave_it_away_is_taken(project: Project):
        project.server.socket.mkdir(mode=0o700)

        with project.share() as server:
            assert server.socket.stat().st_uid == server.account.pw_uid

    def test_the_servers_own_user_is_refused(project: Project):
        with project.share() as server:
            asked = run(own_programs() / "psql", "-Xc", "SELECT 1", server.url, account=server.account)

        assert "Peer authentication failed" in asked.stderr

    def test_another_user_is_refused(project: Project):
        with project.share() as server:
            stranger = pwd.getpwnam("nobody" if server.account.pw_name != "nobody" else "daemon")
            asked = run(own_programs() / "psql", "-Xc", "SELECT 1", server.url, account=stranger)

        assert "Permission denied" in asked.stderr
