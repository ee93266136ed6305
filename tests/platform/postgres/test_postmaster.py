"""The postmaster: settings, and what a kill at any moment leaves to the next start."""

import os
import signal
import subprocess
import sys
import threading
from unittest.mock import create_autospec

import pytest

from app.platform.postgres import postmaster
from app.platform.postgres.doors import LOCK, make_socket_folder, remove_socket_folder
from app.platform.postgres.errors import PostgresUnavailable
from app.platform.postgres.postmaster import launch, lines_of, living, pid_file, stop
from tests.platform.postgres.project import Project, bystander, eventually

DURABLE = (
    "SELECT name FROM pg_settings WHERE setting = 'on' AND name IN ('fsync', 'full_page_writes', 'data_checksums')"
)


def test_a_server_has_our_settings_and_those_that_are_given(project: Project):
    with project.share(max_connections="7"):
        shown = [project.ask(f"SHOW {name}") for name in ("max_connections", "shared_buffers", "TimeZone", "jit")]

    assert shown == ["7", "128MB", "UTC", "off"]


def test_nothing_is_traded_for_durability(project: Project):
    with project.share():
        assert len(project.ask(DURABLE).split()) == 3
        assert project.ask("SHOW synchronous_commit") == "on"


def test_no_setting_opens_the_server_to_the_network(project: Project):
    with project.share(listen_addresses="*", hba_file="/dev/null"):
        assert project.ask("SHOW listen_addresses") == ""


def test_committed_row_outlives_a_killed_postmaster(project: Project):
    with project.share():
        project.ask("CREATE TABLE kept AS SELECT 42 AS answer")
        project.kill_postmaster()

        with project.share():
            assert project.ask("SELECT answer FROM kept") == "42"


def test_reused_pid_is_not_taken_for_a_postmaster(project: Project):
    with project.share() as server:
        project.kill_postmaster()
        with bystander(project) as pid:
            for record in (pid_file(server), server.socket / LOCK):
                record.write_text("\n".join([str(pid), *lines_of(record)[1:], ""]))

            with project.share():
                assert project.ask("SELECT 1") == "1"
            os.kill(pid, 0)


def test_lock_of_a_socket_is_no_obstacle(project: Project):
    with project.share() as server:
        project.kill_postmaster()
        pid_file(server).unlink()
        with bystander(project) as pid:
            (server.socket / LOCK).write_text(f"{pid}\n{server.data}\n")

            with project.share():
                assert project.ask("SELECT 1") == "1"


def test_empty_pid_file_is_no_obstacle(project: Project):
    pid_file(project.server).touch()

    with project.share():
        assert project.ask("SELECT 1") == "1"


def test_start_waits_for_a_killed_postmasters_backends(project: Project):
    with project.share():
        orphan = checkpointer(project)
        os.kill(orphan, signal.SIGSTOP)
        project.kill_postmaster()
        release = threading.Thread(target=release_once_met, args=(orphan, project))
        release.start()

        with project.share():
            assert project.ask("SELECT 1") == "1"
        release.join()


def checkpointer(project: Project) -> int:
    return int(project.ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"))


def release_once_met(orphan: int, project: Project) -> None:
    try:
        eventually(lambda: postmaster.ORPHANS_REMAIN in postmaster.tail(project.server.log))
    finally:
        os.kill(orphan, signal.SIGCONT)


def test_start_waits_for_a_stopping_server(project: Project):
    with project.share():
        before = project.postmaster()
        os.kill(before, signal.SIGINT)

        with project.share():
            assert project.postmaster() != before


def test_start_waits_for_a_server_whose_backend_was_killed(project: Project):
    with project.share():
        os.kill(checkpointer(project), signal.SIGKILL)

        with project.share():
            assert project.ask("SELECT 1") == "1"


def test_server_of_deleted_data_makes_way(spoilt: Project):
    with spoilt.share() as server:
        spoilt.ask("CREATE TABLE gone ()")
        headless = spoilt.postmaster()
        (server.home / "data").rename(server.home / "data.deleted")

        with spoilt.share():
            assert spoilt.postmaster() != headless
            assert spoilt.ask("SELECT to_regclass('gone')") == ""


def test_server_of_deleted_data_is_stopped(spoilt: Project):
    with spoilt.share() as server:
        (server.home / "data").rename(server.home / "data.deleted")

    assert spoilt.is_down()


def test_log_stays_short(project: Project):
    with project.share() as server:
        with server.log.open("ab") as log:
            log.truncate(postmaster.LOG_BYTES + 1)
        with project.share():
            assert server.log.stat().st_size == 0


def test_log_of_the_life_before_is_kept(project: Project):
    with project.share() as server:
        server.log.write_text("out of memory")
    with project.share():
        assert "out of memory" in server.log.with_suffix(".log.old").read_text()
        assert "ready" in server.log.read_text()


def test_failed_start_tells_the_logs_last_words(project: Project):
    with (
        pytest.raises(PostgresUnavailable, match=r"did not start[\s\S]*jitter[\s\S]*\nMend: "),
        project.share(jitter="on"),
    ):
        pass


def test_late_start_is_given_up_and_ended(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postmaster, "START_SECONDS", 0.004)

    with pytest.raises(PostgresUnavailable, match=r"not ready after[\s\S]*\nMend: "), project.share():
        pass

    assert project.is_down()


def test_launched_postmaster_can_be_found(project: Project):
    make_socket_folder(project.server)
    pid = launch(project.server, {})
    try:
        assert living(project.server) == pid
    finally:
        eventually(lambda: living(project.server))
        stop(project.server)
        remove_socket_folder(project.server)


def test_hanging_server_is_named(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postmaster, "STOP_SECONDS", 0.02)
    with project.share() as server:
        pid = project.postmaster()
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(PostgresUnavailable, match=rf"process {pid}, does not stop\nMend: "):
                stop(server)
        finally:
            os.kill(pid, signal.SIGCONT)
            eventually(project.is_down)


def test_processes_are_told_apart_without_proc(monkeypatch: pytest.MonkeyPatch):
    told = subprocess.CompletedProcess((), 0, stdout="/bin/postgres -D /data -cport=5432\n")
    ps = create_autospec(postmaster.run, return_value=told)
    monkeypatch.setattr(postmaster, "run", ps)
    monkeypatch.setattr(sys, "platform", "darwin")

    assert "/postgres -D /data " in postmaster.command_line(4711)
    assert ps.call_args.args[-1] == "4711"
