"""`healthcheck` asks /health where the settings say that the server listens, and follows no proxy."""

import os
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.platform import heartbeat
from app.platform.console.health import healthcheck


class Answer(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("LITEHOUSE_PORT", str(server.server_port))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        yield server
        server.shutdown()
        thread.join()


def ask(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(healthcheck, words, env=environ)


@pytest.mark.parametrize("host", ["", "127.0.0.1", "0.0.0.0", "localhost"])
@pytest.mark.usefixtures("server")
def test_a_server_that_answers_is_healthy(host: str):
    assert ask(LITEHOUSE_HOST=host).exit_code == 0


@pytest.mark.usefixtures("server")
def test_other_settings_are_not_judged():
    assert ask(LITEHOUSE_WORKERS="none", LITEHOUSE_NONSENSE="1").exit_code == 0


def test_the_port_is_read_where_serve_reads_it(server: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("LITEHOUSE_PORT")
    (tmp_path / "litehouse_port").write_text(f"{server.server_port}\n")
    assert ask(LITEHOUSE_SECRETS_DIR=str(tmp_path)).exit_code == 0


@pytest.mark.usefixtures("server")
def test_a_server_that_fails_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Answer, "status", 500)
    told = ask()
    assert (told.exit_code, told.stderr) == (1, "Error: /health answers 500\n")


@pytest.mark.parametrize("port", ["1", "none"])
def test_silence_is_not_health(port: str):
    told = ask(LITEHOUSE_PORT=port)
    assert told.exit_code == 1
    assert told.stderr.startswith("Error: no answer: ")


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A worker's sign of life, on a machine where no server listens."""
    file = tmp_path / "worker"
    monkeypatch.setattr(heartbeat, "heartbeat_file", lambda: file)
    monkeypatch.setenv("LITEHOUSE_PORT", "1")
    file.touch()
    return file


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("role", "code"), [("server", 1), ("worker", 0), ("either", 0)])
def test_a_worker_that_lives_stands_for_no_server_that_is_wanted(role: str, code: int):
    assert ask("--role", role).exit_code == code
    assert ask().exit_code == 1


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("role", "code"), [("server", 0), ("worker", 1), ("either", 0)])
def test_a_server_that_answers_stands_for_no_worker_that_is_wanted(tmp_path, monkeypatch, role: str, code: int):
    monkeypatch.setattr(heartbeat, "heartbeat_file", lambda: tmp_path / "none")
    assert ask("--role", role).exit_code == code


@pytest.mark.parametrize("role", ["worker", "either"])
def test_a_worker_without_a_sign_of_life_is_not_healthy(worker: Path, role: str):
    os.utime(worker, (0, time.time() - heartbeat.STALE - 5))
    told = ask("--role", role)
    assert told.exit_code == 1
    assert re.fullmatch(r"Error: the worker has shown no sign of life for \d+ seconds\n", told.stderr)
