"""Who may do what is committed as well: a route that is opened to more people shows in the change."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.platform.cli import console
from app.platform.console import sight

COMMITTED = Path(__file__).with_name("permissions.txt")


def test_the_committed_permissions_are_those_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sight, "CONTRACTS", tmp_path)
    assert CliRunner().invoke(console, ["contracts"]).exit_code == 0
    assert (tmp_path / COMMITTED.name).read_text() == COMMITTED.read_text(), (
        "run `just contracts`, and look at the change"
    )
