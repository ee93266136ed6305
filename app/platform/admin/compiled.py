"""Templates compiled once and kept, as Python keeps its modules: to compile all of them takes seconds."""

from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(FileSystemBytecodeCache):
    """In a folder that this house alone writes to; a template that has changed is compiled anew.

    Where the folder cannot be written each process compiles for itself.
    """

    def __init__(self, folder: Path) -> None:
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(str(folder), f"{version('jinja2')}-%s")  # another Jinja may compile otherwise

    def load_bytecode(self, bucket: Bucket) -> None:
        """One that was kept."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
