"""The one way in: a socket in a folder of the server's account alone, and the project's user as the one role."""

import os
import pwd
import stat
from contextlib import suppress

from app.platform.postgres.account import give
from app.platform.postgres.errors import PostgresUnavailable
from app.platform.postgres.place import PORT, ROLE, Server

SOCKET = f".s.PGSQL.{PORT}"
LOCK = f"{SOCKET}.lock"


def open_doors(server: Server) -> dict[str, str]:
    """The settings that name the one way in, cleared of what a killed postmaster left there."""
    remove_socket(server)
    return {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(server.socket),
        "unix_socket_permissions": "0700",
        **write_entrants(server),
    }


def make_socket_folder(server: Server) -> None:
    """Refuses a folder that another user made: whoever owns it could answer in the server's place."""
    with suppress(FileExistsError):
        server.socket.mkdir(mode=0o700)
    if server.socket.lstat().st_uid == os.geteuid():
        give(server.socket, server.account)
    if not is_private(server):
        what = f"{server.socket} is not a folder of {server.account.pw_name} alone"
        raise PostgresUnavailable(what, mend="delete it, and ask who made it")


def is_private(server: Server) -> bool:
    """Whether the socket's folder, not a link to one, is the server's account's and nobody else enters."""
    found = server.socket.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == server.account.pw_uid and not found.st_mode & 0o077


def remove_socket(server: Server) -> None:
    """Remove what a killed postmaster left: a lock whose pid was reused would keep the next one from starting."""
    for name in (SOCKET, LOCK):
        (server.socket / name).unlink(missing_ok=True)


def remove_socket_folder(server: Server) -> None:
    """Leave nothing in /tmp; what another user put there is not ours to touch."""
    with suppress(OSError):
        if is_private(server):
            remove_socket(server)
            server.socket.rmdir()


def write_entrants(server: Server) -> dict[str, str]:
    """Let in the project's user alone; anew at each start, for the project may have changed hands."""
    owner = pwd.getpwuid(os.geteuid()).pw_name
    files = {
        "hba_file": (server.home / "pg_hba.conf", f"local all {ROLE} peer map={ROLE}\n"),
        "ident_file": (server.home / "pg_ident.conf", f'{ROLE} "{owner}" {ROLE}\n'),
    }
    for path, line in files.values():
        path.write_text(line)
        path.chmod(0o644)
    return {setting: str(path) for setting, (path, _) in files.items()}
