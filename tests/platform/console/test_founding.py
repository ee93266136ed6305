"""`new-module` refuses a name that cannot be a module's, and leaves everything as it was.

What it founds is tried in tests/e2e/test_copy.py.
"""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.platform.console import founding
from config.modules import MODULES
from tests.e2e.running import ROOT


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with nothing in it but what is looked at."""
    for folder in ("app/kit", f"app/domain/{MODULES[0]}", "migrations/versions/gone", "config"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("pyproject.toml", "config/modules.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(founding, "ROOT", tmp_path)
    monkeypatch.setattr(founding, "LISTED", tmp_path / "config" / "modules.py")
    return tmp_path


def found(name: str) -> Result:
    return CliRunner().invoke(founding.new_module, [name])


def tree(place: Path) -> dict[Path, str]:
    files = (path for path in place.rglob("*") if path.is_file() and ".ruff_cache" not in path.parts)
    return {path: path.read_text() for path in files}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (MODULES[0], f"is taken: there is app/domain/{MODULES[0]}"),
        ("kit", "is taken: there is app/kit"),
        ("gone", "is taken: there is migrations/versions/gone"),
        ("class", "is no name for a module"),
        ("Polls", "is no name for a module"),
        ("2polls", "is no name for a module"),
        ("po-lls", "is no name for a module"),
        ("../polls", "is no name for a module"),
        ("polls_", "is no name for a module"),
        ("", "is no name for a module"),
        ("a" * 25, "is too long"),
        # Only what was written tells: a class `Service` beside the one that services are made of.
        ("services", "does not fit in, and nothing was written: app/domain/services/services.py"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_changed(place: Path, name: str, reason: str):
    before = tree(place)
    refused = found(name)
    assert refused.exit_code == 1
    assert reason in refused.output
    assert "nothing was written" in refused.output
    assert tree(place) == before
    assert not (place / "tests").exists() or not list((place / "tests" / "domain").iterdir())


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("polls", "poll"),
        ("rate_cards", "rate_card"),
        ("companies", "company"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("houses", "house"),
        ("analysis", "analysis"),
        ("billing", "billing"),
    ],
)
def test_one_of_a_plural(name: str, one: str):
    assert founding.singular(name) == one
