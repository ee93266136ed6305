"""Whether the port to serve on is free, and who has it when it is not."""

import errno
import os
import shlex
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import psutil


class PortUnavailable(click.ClickException):
    """Nothing can be served there; the message says why, and by whom the port is taken."""


def require_free(host: str, port: int) -> None:
    """Raise PortUnavailable unless a server could be bound there now.

    granian itself binds with SO_REUSEPORT: it would share the port with another of its kind without a word.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger from an earlier run
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Port {port} of {host} cannot be had: {os.strerror(error.errno or 0)}"
            if error.errno == errno.EADDRINUSE:
                message = f"Port {port} is taken by {holder(port)}. End it, or choose another port with LITEHOUSE_PORT"
            raise PortUnavailable(message) from error


def holder(port: int) -> str:
    """The process that listens on the port, as pid and command line; neither is known of another user's."""
    import psutil  # noqa: PLC0415 - a start whose port is free does without it

    with suppress(psutil.Error):  # a process that ended meanwhile, or may not be looked at
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = _main_process(psutil.Process(connection.pid))
                return f"process {process.pid} ({shlex.join(process.cmdline())})"
    return "a process of another user"


def _main_process(process: "psutil.Process") -> "psutil.Process":
    """From a forked worker, which would be started anew, to the process that one has to end."""
    while (parent := process.parent()) is not None and parent.cmdline() == process.cmdline():
        process = parent
    return process
