"""Serving: granian's main process and its workers, how they start, and how all of them end."""

import gc
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer
from litestar import Litestar

from app.platform.belonging import belong_to
from app.platform.health import DRAIN
from app.platform.observability.logging import GRANIAN_LOGGING
from config.settings import ROOT, Settings

log = structlog.get_logger()

FAILURE = signal.SIGUSR2  # from a worker: no worker can serve with these settings
REPLACED_EVERY = 1.0  # seconds between replacements of workers that died
SPARE_DESCRIPTORS = 256  # what a worker has open besides its clients' connections


def serve(settings: Settings, application: Litestar | None) -> None:
    """Serve until a signal ends it; the database's address must be filled in. SystemExit 1 when the workers gave up.

    The workers are forked with the application; without one each composes its own, anew whenever the code changes.
    """
    allow_descriptors(settings.server.backpressure + SPARE_DESCRIPTORS)
    server = _granian(settings, reload=application is None)
    ending = Ending(server, settings.server.drain_notice)
    server.on_startup(ending.listen)
    server.on_startup(partial(log.info, "serving", **settings.server.model_dump()))
    # Forked, a worker has what this process has composed; spawned, the code as it is by then.
    multiprocessing.set_start_method("fork" if application else "spawn")
    gc.freeze()  # what is there by now is never looked through, so that the workers' pages of it stay shared
    gc.enable()
    server.serve(target_loader=partial(load_application, os.getpid(), settings, application), wrap_loader=False)
    if ending.failed:
        sys.exit(1)


def allow_descriptors(wanted: int) -> None:
    """Raise the limit of open files, the workers' too: many systems begin with 1,024, and no connection fits beyond."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if max(allowed, soft) < wanted:
        log.warning("fewer files may be open than LITEHOUSE_BACKPRESSURE needs", wanted=wanted, limit=hard)


class Server(MPServer):
    """granian's, which would end all workers when one dies twice within 5.5 seconds: here it is replaced again."""

    _replaced_at = 0.0

    def _respawn_workers(self, *given: Any, **named: Any) -> None:
        # What dies as soon as it lives must not keep a processor busy.
        time.sleep(max(0.0, self._replaced_at + REPLACED_EVERY - time.monotonic()))
        super()._respawn_workers(*given, **named)
        self._replaced_at = time.monotonic()
        self.respawned_wrks.clear()  # by which granian would know


def _granian(settings: Settings, *, reload: bool) -> Server:
    limits = settings.server
    return Server(
        "litehouse",
        address=limits.host,
        port=limits.port,
        interface=Interfaces.ASGI,
        workers=limits.workers,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,  # `auto` prefers rloop, which crashes asyncpg
        http=HTTPModes.http1,
        backpressure=limits.backpressure,
        # Silent and dripping connections are closed, and headers end at 16 kB; both stop the server otherwise.
        http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=16_384),
        log_dictconfig=GRANIAN_LOGGING,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=limits.drain_timeout,
        reload=reload,
        reload_paths=[ROOT / "app", ROOT / "config"],
        reload_ignore_worker_failure=True,
    )


class Ending:
    """How the main process hears that it shall end: each signal its own way."""

    def __init__(self, server: Server, notice: float) -> None:
        self.failed = False
        self._notice = notice
        self._server = server
        self._ways = {
            signal.SIGTERM: self._announce,
            signal.SIGINT: self._interrupt,
            signal.SIGHUP: self._end,  # the terminal was closed; granian would start its workers anew and live on
            FAILURE: self._fail,
        }

    def listen(self) -> None:
        """Take granian's handlers' place, before it starts the first worker."""
        signal.signal(DRAIN, signal.SIG_IGN)  # inherited: it would end a worker that does not listen for it yet
        for number in self._ways:
            signal.signal(number, self._hear)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._server.pid:
            os._exit(0)  # a worker so young that it still has its parent's handlers
        self._ways[signal.Signals(number)]()

    def _announce(self) -> None:
        for worker in self._server.wrks:
            with suppress(ProcessLookupError):
                os.kill(worker.inner.pid, DRAIN)
        notice = threading.Timer(self._notice, self._end)
        notice.daemon = True
        notice.start()

    def _interrupt(self) -> None:
        if self._server.interrupt_signal:  # Ctrl-C again: whoever waits at the terminal will not wait for a stream
            for worker in self._server.wrks:
                worker.kill()
        self._end()

    def _fail(self) -> None:
        self.failed = True
        self._end()

    def _end(self) -> None:
        self._server.signal_handler_interrupt()


def load_application(main: int, settings: Settings, application: Litestar | None) -> Litestar:
    """The application, composed or to be composed, in a worker of the process `main`."""
    belong_to(main)
    application = application or compose(settings)
    gc.collect()
    gc.freeze()  # what lives as long as the worker is not looked through at every collection
    return application


def compose(settings: Settings) -> Litestar:
    """The application. By name: composition stands above the platform, which must not import it."""
    return import_module("app.main").create_app(settings)


def stop_server(message: str) -> None:
    """End the server this worker belongs to, as a failure: no worker can do better. Alone, only say so."""
    log.critical("the server ends", reason=message)
    main = multiprocessing.parent_process()
    if main is not None and main.pid is not None:
        os.kill(main.pid, FAILURE)
