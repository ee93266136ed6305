"""The place: beside the project where the server's user gets there, else among the system's state; there it stays."""

import stat

import pytest

from app.platform.postgres.account import is_root
from app.platform.postgres.errors import PostgresUnavailable
from tests.platform.postgres.project import Project


def test_data_are_in_the_projects_folder(project: Project):
    assert project.server.data.is_relative_to(project.folder / "postgres")
    assert not (project.folder / "postgres.where").exists()


def test_every_project_has_its_own_socket(empty: Project, seeded: Project):
    assert empty.server.url != seeded.server.url


def test_file_in_place_of_the_folder_is_named(empty: Project):
    empty.folder.touch()
    try:
        with pytest.raises(PostgresUnavailable, match=rf"{empty.folder}: .*\nMend: "), empty.share():
            pass
    finally:
        empty.folder.unlink()


def test_too_long_a_path_is_refused(empty: Project):
    deep = Project(empty.folder / "/".join(["d" * 200] * 5), empty.state)

    with pytest.raises(PostgresUnavailable, match=r"longer than \d+ bytes\nMend: move the project"), deep.share():
        pass


def test_too_long_a_name_is_refused(empty: Project):
    deep = Project(empty.folder / ("d" * 300), empty.state)

    with pytest.raises(PostgresUnavailable, match=r"too long\nMend: move the project"), deep.share():
        pass


if is_root():  # everybody else reaches their own folders

    @pytest.fixture
    def closed(empty: Project) -> Project:
        """A project that only root enters."""
        empty.folder.parent.chmod(0o755)
        (empty.folder.parent / "root").mkdir(mode=0o700)
        return Project(empty.folder.parent / "root" / ".data", empty.state)

    def test_root_in_a_closed_folder_keeps_data_elsewhere(closed: Project):
        with closed.share() as server:
            assert closed.ask("SELECT 1") == "1"
            assert server.data.is_relative_to(closed.state)

        assert (closed.folder / "postgres.where").read_text() == f"{server.home}\n"
        assert stat.S_IMODE(closed.folder.parent.stat().st_mode) == 0o700

    def test_data_stay_elsewhere_when_the_folder_opens(closed: Project):
        home = closed.server.home
        closed.folder.parent.chmod(0o755)

        assert closed.server.home == home

    def test_data_are_not_forsaken_when_the_folder_closes(project: Project):
        project.folder.parent.chmod(0o700)
        try:
            with (
                pytest.raises(PostgresUnavailable, match=r"can no longer reach its data in .*\nMend: let "),
                project.share(),
            ):
                pass
        finally:
            project.folder.parent.chmod(0o755)

    def test_copied_project_does_not_write_to_the_originals_data(closed: Project):
        home = closed.server.home
        copy = Project(closed.folder.rename(closed.folder.with_name("copy")), closed.state)

        with pytest.raises(PostgresUnavailable, match=rf"names {home}, .*\nMend: move those to "), copy.share():
            pass
else:

    def test_folder_that_one_may_not_write_is_named(empty: Project):
        empty.folder.mkdir(mode=0o500)
        try:
            with pytest.raises(PostgresUnavailable, match=rf"{empty.folder}/postgres: .*denied\nMend: "), empty.share():
                pass
        finally:
            empty.folder.chmod(0o700)
