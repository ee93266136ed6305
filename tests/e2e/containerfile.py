"""Carries out a Containerfile in a folder, without a container engine: paths of the image are paths below that folder.

It refuses what it does not know: an instruction passed over in silence would be tested by nobody. The base image is
stood for by the few programs that the steps need; so a step or a recipe that wants another one fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from string import Template

PROGRAMS = ("sh", "chmod")  # of the base image, besides Python
SYSTEM = "/usr/local/bin"
# Steps that change the system outside the folder: the first is done by the uv that is here, the second not at all.
GET_UV = "pip install --no-cache-dir uv"
ADD_USER = re.compile(r"groupadd [\w /-]+ && useradd [\w /-]+")
# What of this process's environment a build needs to reach the packages.
PACKAGES = (
    "HOME",
    "XDG_CACHE_HOME",
    "UV_CACHE_DIR",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "SSL_CERT_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)


@dataclass
class Stage:
    """What a stage's instructions make: files below `root`, and how a process in it is started."""

    base: str
    root: Path
    name: str = ""
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": SYSTEM})
    user: str = "0:0"
    port: str = ""
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Where a path of the image is; a relative one starts in its working folder."""
        return self.root / f"{self.folder}/{path}".lstrip("/") if path[:1] != "/" else self.root / path[1:]

    def environ(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process, and of nothing else on this machine."""
        environ = {"HOME": str(self.at(".")), **self.environment, **settings}
        return environ | {"PATH": ":".join(str(self.at(part)) for part in environ["PATH"].split(":"))}


class Build:
    """Stages, one after the other in the same place: a virtual environment holds absolute paths."""

    def __init__(self, folder: Path, context: Path, python: str) -> None:
        self._folder, self._context, self._python = folder, context, python
        self._root = folder / "image"
        self._ignored = _lines((context / ".dockerignore").read_text())
        self._stages: dict[str, Stage] = {}

    def image(self) -> Stage:
        """The last stage, in its place; the others are gone."""
        stage: Stage | None = None
        for name, text in instructions(self._context / "Containerfile"):
            if name == "FROM":
                if stage:
                    self._set_aside(stage)
                stage = self._begin(text)
            else:
                assert stage
                getattr(self, f"_{name.lower()}")(stage, text)
        for other in self._stages.values():
            shutil.rmtree(other.root)
        assert stage
        return stage

    def _begin(self, text: str) -> Stage:
        base, _, name = text.partition(" AS ")
        (self._root / SYSTEM[1:]).mkdir(parents=True)
        for program in PROGRAMS:
            (self._root / SYSTEM[1:] / program).symlink_to(shutil.which(program) or f"no {program} here")
        return Stage(base, self._root, name)

    def _set_aside(self, stage: Stage) -> None:
        stage.root = self._root.rename(self._folder / stage.name)
        self._stages[stage.name] = stage

    def _env(self, stage: Stage, text: str) -> None:
        for pair in shlex.split(text):
            name, _, value = pair.partition("=")
            stage.environment[name] = Template(value).substitute(stage.environment)

    def _workdir(self, stage: Stage, text: str) -> None:
        stage.folder = text
        stage.at(".").mkdir(parents=True, exist_ok=True)

    def _run(self, stage: Stage, text: str) -> None:
        if text == GET_UV:
            self._provide_uv(stage)
        elif not ADD_USER.fullmatch(text):
            reach = {name: value for name, value in os.environ.items() if name.upper().startswith(PACKAGES)}
            environ = stage.environ({**reach, "UV_PYTHON": self._python})
            done = subprocess.run(
                ["sh", "-c", text], cwd=stage.at("."), env=environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"RUN {text}\n{done.stdout}{done.stderr}"

    def _provide_uv(self, stage: Stage) -> None:
        """A script, since a uv on the path may itself be one that needs the path it was found on."""
        found = os.environ.get("UV") or shutil.which("uv")
        assert found, "the tests are run by uv"
        uv = stage.at(f"{SYSTEM}/uv")
        uv.write_text(f'#!/bin/sh\nPATH={shlex.quote(os.environ["PATH"])} exec {shlex.quote(found)} "$@"\n')
        uv.chmod(0o755)

    def _copy(self, stage: Stage, text: str) -> None:
        *sources, target = shlex.split(text)
        if sources[0].startswith("--from="):
            (source,) = sources[1:]
            # Moved: it takes no time, and a second use of what is gone fails.
            self._stages[sources[0].removeprefix("--from=")].at(source).rename(stage.at(target))
            return
        for source in sources:
            self._copy_closed(source, stage.at(target) / source if target == "./" else stage.at(target))

    def _copy_closed(self, source: str, target: Path) -> None:
        """From the checkout, as from one that was made with the umask 077: nothing depends on a friendlier one."""
        origin = self._context / source
        paths = [path for path in sorted((origin, *origin.rglob("*"))) if not self._is_ignored(path)]
        assert paths, f"{source} is not in the build's context"
        for path in paths:
            copy = target / path.relative_to(origin)
            if path.is_dir():
                copy.mkdir(mode=0o700)
            else:
                shutil.copyfile(path, copy)
                copy.chmod(0o600)

    def _is_ignored(self, path: Path) -> bool:
        """As engines read .dockerignore: the last pattern that fits the path, or a folder above it, decides."""
        inside = path.relative_to(self._context)
        names = [str(part) for part in (inside, *inside.parents[:-1])]
        verdicts = [not line.startswith("!") for line in self._ignored if _fits(names, line.removeprefix("!"))]
        return bool(verdicts) and verdicts[-1]

    def _user(self, stage: Stage, text: str) -> None:
        stage.user = text

    def _expose(self, stage: Stage, text: str) -> None:
        stage.port = text

    def _healthcheck(self, stage: Stage, text: str) -> None:
        stage.health = json.loads(text.partition("CMD ")[2])

    def _cmd(self, stage: Stage, text: str) -> None:
        stage.command = json.loads(text)


def instructions(path: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each, on one line."""
    for line in "\n".join(_lines(path.read_text())).replace("\\\n", " ").splitlines():
        name, _, text = " ".join(line.split()).partition(" ")
        yield name, text


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _fits(names: list[str], pattern: str) -> bool:
    return any(fnmatch(name, pattern) for name in names)
