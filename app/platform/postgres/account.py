"""As whom PostgreSQL runs, and what it may learn of the process that starts it."""

import os
import pwd
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from app.platform.postgres.errors import PostgresUnavailable

Account = pwd.struct_passwd
COMMAND_SECONDS = 60.0
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}  # PGPORT or PGOPTIONS would lead elsewhere


class Surroundings(TypedDict, total=False):
    """What a child is given of this process."""

    env: dict[str, str]
    cwd: str
    user: int
    group: int
    extra_groups: list[int]


def server_account() -> Account:
    """Oneself; for root, whom PostgreSQL refuses, a user that the system has."""
    with suppress(KeyError):
        if not is_root():
            return pwd.getpwuid(os.geteuid())
        with suppress(KeyError):
            return pwd.getpwnam("postgres")
        return pwd.getpwnam("nobody")
    what = f"User {os.geteuid()} has no name in /etc/passwd, and initdb wants one"
    raise PostgresUnavailable(what, mend="add it there, or set DATABASE_URL")


def is_root() -> bool:
    """Whether PostgreSQL would refuse this process's user, and other users are ours to be."""
    return os.geteuid() == 0


def reaches(account: Account, *command: str | Path) -> bool:
    """Whether `command` runs as `account`: only trying sees modes, access lists and mounts alike."""
    try:
        return run(*command, account=account).returncode == 0
    except OSError:
        return False


def run(*command: str | Path, account: Account | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `command` to its end, a minute at most, with `given` as its input; as oneself, unless root names another."""
    return subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
        **surroundings(account),
    )


def surroundings(account: Account | None) -> Surroundings:
    """Neither environment nor folder nor, for root, any right of this process."""
    plain = Surroundings(env=ENVIRONMENT, cwd="/")
    if account is None or not is_root():
        return plain
    return Surroundings(**plain, user=account.pw_uid, group=account.pw_gid, extra_groups=[])


def give(path: Path, account: Account) -> None:
    """Make root's new folder the server's; a user's own is that already."""
    if is_root():
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
