"""The folder of revisions: a branch a module, one line of revisions a branch, and what each of them stands on."""

import warnings
from argparse import Namespace
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from itertools import groupby
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple

from config.modules import MODULES

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
PLATFORM = "platform"


class MigrationError(Exception):
    """A migration that cannot go on; the text says what is in its way and what to do about it."""


class Revisions:
    """The revisions of a migrations folder, as they are now. Raises MigrationError when they are no clean branches.

    A revision is named `<module>_<number>` and stands in `versions/<module>/<number>_<title>.py`.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.config = _config(folder)
        self._refuse_twins()
        self._tree = ScriptDirectory.from_config(self.config)
        self.scripts = {script.revision: script for script in self._oldest_first()}
        self._refuse_forks()
        self._removed: dict[str, list[str]] = {}
        for script in self.scripts.values():
            self._removed |= getattr(script.module, "removed", {})
        self._refuse_revenants()

    @property
    def branches(self) -> list[str]:
        """The modules that have revisions: platform, then the others as they are installed."""
        order = {name: place for place, name in enumerate((PLATFORM, *MODULES))}
        return sorted(set(map(branch_of, self.scripts.values())), key=lambda name: (order.get(name, len(order)), name))

    def of(self, branch: str) -> list[Script]:
        """A branch's revisions, oldest first."""
        return [script for script in self.scripts.values() if branch_of(script) == branch]

    def head(self, branch: str) -> str | None:
        """A branch's newest revision; None for a module that has none yet."""
        line = self.of(branch)
        return line[-1].revision if line else None

    def next_number(self, branch: str) -> str:
        """The number of a branch's next revision; those of a removed module of the same name are not used again."""
        taken = [name.rpartition("_") for name in (*self.scripts, *self._removed)]
        return f"{max((int(number) for owner, _, number in taken if owner == branch), default=0) + 1:04}"

    def closure(self, revisions: Iterable[str]) -> set[str]:
        """These revisions and all that they stand on."""
        found: set[str] = set()
        ahead = list(revisions)
        while ahead:
            revision = ahead.pop()
            if revision not in found:
                found.add(revision)
                ahead += self._below(self.scripts[revision])
        return found

    def topmost(self, revisions: Collection[str]) -> set[str]:
        """Those of the revisions that no other of them stands on."""
        return {one for one in revisions if not any(one in self.closure([o]) for o in revisions if o != one)}

    def settle(self, rows: AbstractSet[str]) -> set[str]:
        """The rows of alembic_version, with what a removed module's revisions stood on in the place of their rows.

        That table holds only the topmost revisions: if a removed module's row just went, what only its revisions
        depended on would seem not to be applied. Raises MigrationError for a row that nothing here explains.
        """
        settled = set(rows)
        while gone := settled & self._removed.keys():
            settled = (settled - gone).union(*(self._removed[revision] for revision in gone))
        if unknown := settled - self.scripts.keys():
            message = (
                f"the database has {', '.join(sorted(unknown))}, but {self.folder}/versions has not: if newer code has "
                "migrated it, run that code; if a module was deleted by hand, restore it and `just remove-module` it"
            )
            raise MigrationError(message)
        return settled if settled == rows else self.topmost(settled)

    def _oldest_first(self) -> list[Script]:
        """All revisions, each after those that it stands on."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Alembic warns of here is an error below
                return list(self._tree.walk_revisions())[::-1]
        except KeyError as error:
            message = f"a revision stands on {error}, but {self.folder}/versions has no such revision"
            raise MigrationError(message) from error
        except CommandError as error:
            raise MigrationError(str(error)) from error

    def _below(self, script: Script) -> list[str]:
        below = (*to_tuple(script.down_revision, ()), *to_tuple(script.dependencies, ()))
        return [found.revision for found in self._tree.get_revisions(below)]

    def _refuse_twins(self) -> None:
        # Two people took one number at the same time; Alembic would keep one of the two, whichever it reads last.
        for branch in (self.folder / "versions").iterdir():
            names = sorted(path.name for path in branch.glob("[0-9]*.py"))
            for number, group in groupby(names, key=lambda name: name.partition("_")[0]):
                if len(twins := list(group)) > 1:
                    message = f"{branch.name} has {number} twice, {' and '.join(twins)}: renumber the later one"
                    raise MigrationError(message)

    def _refuse_forks(self) -> None:
        for branch in self.branches:
            heads = [script.revision for script in self.of(branch) if script.is_head]
            if len(heads) > 1:
                message = f"{branch} has {len(heads)} heads, {' and '.join(heads)}: put the later one upon the other"
                raise MigrationError(message)

    def _refuse_revenants(self) -> None:
        # On an empty database, their tables would be made and dropped in no certain order.
        if both := self._removed.keys() & self.scripts.keys():
            message = (
                f"{', '.join(sorted(both))}: removed by a revision of platform, but still there; delete one of the two"
            )
            raise MigrationError(message)


def branch_of(script: Script) -> str:
    """The module that a revision belongs to: its folder."""
    return Path(script.path).parent.name


def _config(folder: Path) -> Config:
    config = Config(cmd_opts=Namespace(quiet=True))
    # The folder of a module's first revision is still to be made; Alembic passes over those that are not there.
    branches = {PLATFORM, *MODULES, *(path.name for path in (folder / "versions").iterdir() if path.is_dir())}
    options = {
        "script_location": str(folder),
        "version_locations": "\n".join(str(folder / "versions" / branch) for branch in sorted(branches)),
        "path_separator": "newline",
    }
    for name, value in options.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config
