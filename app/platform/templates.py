"""Templates of mails and pages: folders of files that are read when a process starts, and compiled when first used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

SUFFIXES = (".html", ".txt")


def templates(*folders: Path, autoescape: bool, given: Mapping[str, Any]) -> Environment:
    """The files of the folders, by their names; of two of one name, that of the first. All have what is `given`.

    What a template names must be given to it. To compile all of them at every start would take a twentieth second.
    """
    sources = {
        path.name: (path.read_text(encoding="utf-8"), str(path), None)
        for folder in reversed(folders)
        for path in folder.iterdir()
        if path.suffix in SUFFIXES
    }
    environment = Environment(
        loader=FunctionLoader(sources.get),
        autoescape=autoescape,  # noqa: S701 - not of text that stays text
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.globals.update(given)
    return environment
