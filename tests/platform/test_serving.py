"""The signals that end a server, each its own way; whole servers are in tests/e2e/test_serving.py."""

import gc
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Iterator, MutableMapping
from typing import Any
from unittest.mock import NonCallableMagicMock, create_autospec

import pytest
from granian.server import MPServer
from structlog.testing import capture_logs

from app.platform import serving
from app.platform.serving import FAILURE, Ending, allow_descriptors, stop_server
from config.settings import Settings

Lines = list[MutableMapping[str, Any]]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, FAILURE)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def server() -> Iterator[NonCallableMagicMock]:
    """A main process whose signals are heard, with one worker."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    server = create_autospec(MPServer, instance=True)
    server.pid, server.wrks, server.interrupt_signal = os.getpid(), [create_autospec(multiprocessing.Process)], False
    yield server
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, FAILURE])
def test_some_signals_end_it_at_once(server: NonCallableMagicMock, number: int):
    ending = Ending(server, notice=0.0)
    ending.listen()
    signal.raise_signal(number)
    server.signal_handler_interrupt.assert_called_once_with()
    server.wrks[0].kill.assert_not_called()
    assert ending.failed is (number == FAILURE)


def test_a_polite_end_comes_after_the_notice(server: NonCallableMagicMock, monkeypatch: pytest.MonkeyPatch):
    timer = create_autospec(threading.Timer)
    monkeypatch.setattr(threading, "Timer", timer)
    server.wrks = []
    Ending(server, notice=7.5).listen()
    signal.raise_signal(signal.SIGTERM)
    seconds, end = timer.call_args.args
    assert seconds == 7.5
    server.signal_handler_interrupt.assert_not_called()
    end()
    server.signal_handler_interrupt.assert_called_once_with()


def test_ctrl_c_again_waits_for_nobody(server: NonCallableMagicMock):
    Ending(server, notice=0.0).listen()
    server.interrupt_signal = True
    signal.raise_signal(signal.SIGINT)
    server.wrks[0].kill.assert_called_once_with()


def test_a_worker_with_its_parents_handlers_just_ends(server: NonCallableMagicMock):
    Ending(server, notice=0.0).listen()
    child = multiprocessing.get_context("fork").Process(target=signal.raise_signal, args=[signal.SIGHUP])
    child.start()
    child.join(10)
    assert child.exitcode == 0
    server.signal_handler_interrupt.assert_not_called()


def test_a_worker_that_cannot_serve_tells_its_main_process(server: NonCallableMagicMock):
    ending = Ending(server, notice=0.0)
    ending.listen()
    child = multiprocessing.get_context("fork").Process(target=stop_server, args=["too many connections"])
    child.start()
    child.join(10)
    assert child.exitcode == 0
    assert ending.failed


@pytest.mark.parametrize(
    ("limits", "raised_to", "warned"),
    [
        ((1024, 524_288), 4352, False),
        ((1024, resource.RLIM_INFINITY), 4352, False),
        ((1024, 2048), 2048, True),
        ((65_536, 524_288), None, False),
    ],
    ids=["room", "no ceiling", "low ceiling", "enough"],
)
def test_as_many_files_may_be_open_as_connections(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, limits: tuple[int, int], raised_to: int | None, warned: bool
):
    set_limit = create_autospec(resource.setrlimit)
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    allow_descriptors(4352)
    raised = [call.args[1] for call in set_limit.call_args_list]
    assert raised == ([] if raised_to is None else [(raised_to, limits[1])])
    assert bool(lines) is warned


def test_workers_begin_with_the_collector_on(server: NonCallableMagicMock, monkeypatch: pytest.MonkeyPatch):
    """It is off while all is imported and composed."""
    is_on: list[bool] = []
    server.serve.side_effect = lambda **_: is_on.append(gc.isenabled())
    monkeypatch.setattr(serving, "_granian", lambda *_, **__: server)
    monkeypatch.setattr(serving, "allow_descriptors", lambda _: None)
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda _: None)
    gc.disable()
    try:
        serving.serve(create_autospec(Settings, instance=True), None)
    finally:
        gc.enable()
    assert is_on == [True]


def test_alone_it_is_only_said(lines: Lines):
    stop_server("too many connections")
    assert lines == [{"event": "the server ends", "reason": "too many connections", "log_level": "critical"}]
