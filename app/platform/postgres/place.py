"""Where the server of a project lives."""

import errno
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.platform.postgres.account import Account, reaches, server_account
from app.platform.postgres.errors import MENDS, PostgresUnavailable, plainly

ROLE = DATABASE = "litehouse"
PORT = 5432  # in the name of the socket; nothing listens there
PATH_BYTES = 900  # PostgreSQL cuts paths off at 1024, its own file names included


@dataclass(frozen=True)
class Server:
    """One project's server: `home` is the project's user's, and only `data` in it is the account's that runs it."""

    home: Path
    refuge: Path
    account: Account

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What the server says: in `home`, or its account could lead root's hand by a link."""
        return self.home / "postgres.log"

    @property
    def socket(self) -> Path:
        """The folder of the socket: in /tmp, since TMPDIR differs between processes and a logout empties /run/user."""
        return Path("/tmp", f"litehouse-{self.account.pw_uid}-{digest(self.data)}")  # noqa: S108

    @property
    def url(self) -> str:
        """The address, as asyncpg and psql take it; with the port, for PGPORT of a shell would lead elsewhere."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.socket), safe='')}&port={PORT}"


@plainly()
def locate(folder: Path, state: Path) -> Server:
    """The server of the project whose `.data` is `folder`: every process finds the same, without a lock."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    account, refuge = server_account(), state / digest(folder)
    server = Server(home_of(folder, refuge, account), refuge, account)
    if len(os.fsencode(server.data)) > PATH_BYTES:
        what = f"{server.data} is longer than {PATH_BYTES} bytes"
        raise PostgresUnavailable(what, mend=MENDS[errno.ENAMETOOLONG])
    return server


def digest(path: Path) -> str:
    """A short name that stands for `path`."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def home_of(folder: Path, refuge: Path, account: Account) -> Path:
    """`folder`/postgres where `account` can reach it, else `refuge`; and, once there are data, where they are."""
    where, home = folder / "postgres.where", folder / "postgres"
    if where.exists():
        return recorded_home(where, refuge)
    if reaches(account, "test", "-x", folder):
        return make_folder(home)
    if (home / "data").exists():
        what = f"{account.pw_name}, who runs PostgreSQL, can no longer reach its data in {home}"
        raise PostgresUnavailable(what, mend="let that user enter the folders above")
    make_folder(refuge)
    record(refuge, where)
    return refuge


def recorded_home(where: Path, refuge: Path) -> Path:
    """The home that `where` names, unless a copied project brought it: the copy would write to the original's data."""
    home = Path(where.read_text().strip())
    if home == refuge:
        return make_folder(home)
    what = f"{where} names {home}, the data of a project in another folder"
    raise PostgresUnavailable(what, mend=f"move those to {refuge}, or begin anew, and delete {where} either way")


def make_folder(path: Path) -> Path:
    """A folder of the project's user that others may only pass through; one that exists keeps its mode."""
    if not path.parent.exists():
        make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir()
        path.chmod(0o711)
    return path


def record(refuge: Path, where: Path) -> None:
    """Write `where` whole or not at all."""
    draft = where.with_suffix(f".{os.getpid()}")
    draft.write_text(f"{refuge}\n")
    draft.replace(where)
