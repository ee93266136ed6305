"""Projects to share a server in: one that never ran, one that did, and a copy of it to spoil."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.platform.postgres.project import Project, copy_data, remove


@pytest.fixture(scope="session")
def seeded() -> Generator[Project]:
    """A project that ran before."""
    project = new_project()
    with project.share():
        pass
    yield project
    remove(project)


@pytest.fixture
def project(seeded: Project) -> Generator[Project]:
    """A project that ran before, for tests that leave its data whole; initdb would take most of their time."""
    yield seeded
    assert_nothing_runs(seeded)


@pytest.fixture
def empty() -> Generator[Project]:
    """A project that never ran."""
    project = new_project()
    yield project
    assert_nothing_runs(project)
    remove(project)


@pytest.fixture
def spoilt(empty: Project, seeded: Project) -> Project:
    """A project that ran before, for tests that spoil its data."""
    copy_data(seeded, empty)
    return empty


def assert_nothing_runs(project: Project) -> None:
    assert project.is_down()
    assert not project.server.socket.exists()


def new_project() -> Project:
    """Outside of pytest's own folders: those are closed to other users, and so to root's server."""
    folder = Path(tempfile.mkdtemp(prefix="litehouse-test-"))
    folder.chmod(0o755)
    return Project(folder / ".data", folder / "state")
