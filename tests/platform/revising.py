"""Revisions as `just makemigrations` writes them, and the removal of a module as `just remove-module` writes it."""

import shutil
from pathlib import Path

from app.platform.migration_writing import make, write_removal
from config.modules import MODULES
from tests.platform.migrations_copy import Copy

LAST = MODULES[-1]


def write(module: str, message: str, url: str, copy: Copy, *, empty: bool = False) -> Path:
    """Make a revision in the copy, where there is something to make one of."""
    path = make(module, message, url, empty=empty, folder=copy.path)
    assert path, "there is no difference"
    return path


def remove(copy: Copy, module: str) -> str:
    """Remove a module as `just remove-module` does; returns the revision that drops its tables."""
    path = write_removal(module, copy.path)
    shutil.rmtree(copy.path / "versions" / module)
    return f"platform_{path.name[:4]}"
