"""A port that is taken is told with whom; one that lingers from an earlier run is free."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from app.platform.console.port import PortUnavailable, holder, require_free
from tests.e2e.running import free_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens, below the ports that the system gives out by itself."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as granian does
        while server.getsockname()[1] == 0:
            with suppress(OSError):
                server.bind(("127.0.0.1", free_port()))
        server.listen()
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_taken_port_is_told_with_its_process(listener: socket.socket, host: str):
    port = listener.getsockname()[1]
    with pytest.raises(PortUnavailable) as refusal:
        require_free(host, port)
    assert f"Port {port} is taken by process {os.getpid()} (" in str(refusal.value)
    assert Path(sys.executable).name in str(refusal.value)


def test_a_port_that_another_shares_willingly_is_taken_all_the_same():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(PortUnavailable, match="taken by process"):
            require_free("127.0.0.1", server.getsockname()[1])


def test_a_port_with_a_connection_that_lingers_is_free(listener: socket.socket):
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = listener.accept()
        accepted.close()  # the server's end closes first: it is the one that waits
        assert client.recv(1) == b""
    listener.close()
    require_free("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_told():
    with pytest.raises(PortUnavailable, match=r"Port 17000 of 192.0.2.1 cannot be had: Cannot assign"):
        require_free("192.0.2.1", 17000)


def test_a_worker_stands_for_the_process_that_started_it(listener: socket.socket):
    port = listener.getsockname()[1]
    ready, done = os.pipe(), os.pipe()
    if (child := os.fork()) == 0:  # now two processes listen, with one command line
        os.write(ready[1], b"!")
        os.read(done[0], 1)
        os._exit(0)
    try:
        os.read(ready[0], 1)
        listener.close()  # in this process alone
        assert psutil.Process(child).ppid() == os.getpid()
        assert holder(port).startswith(f"process {os.getpid()} (")
    finally:
        os.write(done[1], b"!")
        os.waitpid(child, 0)
        for end in (*ready, *done):
            os.close(end)


def test_who_may_not_be_seen_is_another_user(listener: socket.socket, monkeypatch: pytest.MonkeyPatch):
    def refuse(_kind: str) -> list[object]:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    assert holder(listener.getsockname()[1]) == "a process of another user"
