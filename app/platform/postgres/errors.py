"""The one way in which the embedded PostgreSQL fails: what failed, where, and the mend."""

import errno
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

FREE_BYTES = 32 << 20  # two segments of the write-ahead log

MENDS = {
    errno.ENOSPC: "free some space on its disk",
    errno.EDQUOT: "free some space on its disk",
    errno.EROFS: "mount its disk writable",
    errno.ENAMETOOLONG: "move the project to a shorter path",
}


class PostgresUnavailable(Exception):
    """The embedded server cannot run; the message names what failed and the mend."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)

    def __str__(self) -> str:
        what, mend = self.args
        return f"{what}\nMend: {mend}."


@contextmanager
def plainly() -> Generator[None]:
    """Raise PostgresUnavailable in place of the operating system's errors."""
    try:
        yield
    except OSError as error:
        mend = MENDS.get(error.errno or 0, "give it to the user who runs the project, or run as the one who owns it")
        raise PostgresUnavailable(f"{error.filename or 'PostgreSQL'}: {error.strerror}", mend=mend) from error
    except subprocess.TimeoutExpired as error:
        raise PostgresUnavailable(str(error), mend="end what holds the machine up, and try again") from error


def failure(what: str, words: str, near: Path) -> PostgresUnavailable:
    """What PostgreSQL said itself; on a full disk it often cannot even say that."""
    full = shutil.disk_usage(near).free < FREE_BYTES
    mend = MENDS[errno.ENOSPC] if full else "see to what it names, or set DATABASE_URL"
    return PostgresUnavailable(f"{what}, in {near}: {words.strip() or 'without a word'}", mend=mend)
