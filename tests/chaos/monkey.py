"""The monkey, which pulls one plug after the other: each kind in turn, in an order and at moments drawn by a seed."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random

import psutil

from tests.chaos.house import WORKERS, House, awaited

PAUSE = (0.2, 1.4)  # seconds between two plugs
HASTE = 0.3  # of the plugs, so many are pulled before anybody was served after the one before
LOST = 3.0  # seconds that a worker is stopped: longer than its leases
RETURNS = 60.0  # seconds that what was killed may take to be there again; only a failure takes so long


class Monkey:
    """Knows a few plugs."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._random = Random(seed)
        self._frozen: dict[int, tuple[psutil.Process, float]] = {}
        self.pulled: Counter[str] = Counter()
        self._plugs: dict[str, Callable[[], bool]] = {
            "a server's worker killed": self._server_worker,
            "the server's main process killed": self._server,
            "a worker killed": self._worker,
            "a worker stopped for longer than its leases": self._freeze,
            "a backend of the database killed": self._backend,
            "the database stopped at once": self._database,
            "the database's main process killed": self._postmaster,
            "connections cut": self._connections,
        }

    def play(self, seconds: float, served: Callable[[], int]) -> None:
        """For so long, and until each plug was pulled; afterwards not all is whole. `served`: how many writes were."""
        ends = time.monotonic() + seconds
        deck: list[str] = []
        while time.monotonic() < ends or len(self.pulled) < len(self._plugs):
            deck = deck or self._random.sample([*self._plugs], len(self._plugs))
            name, before = deck.pop(), served()
            if not awaited(self._plugs[name], RETURNS):
                self._house.broken("what was killed comes back", f"waited in vain for this: {name}")
            self.pulled[name] += 1
            self._rest(self._random.random() < HASTE, lambda before=before: served() > before)

    def _rest(self, is_hasty: bool, is_served: Callable[[], bool]) -> None:
        """For a while, and until somebody is served again; in haste, the next plug meets what is not there yet."""
        pause = time.monotonic() + self._random.uniform(*PAUSE)
        while (late := time.monotonic() - pause) < 0 or not (is_hasty or is_served()):
            if late > RETURNS:
                self._house.broken("clients are served again", f"none was for {RETURNS} s")
                break
            self._thaw()
            self._house.tend()
            time.sleep(0.05)

    def _server_worker(self) -> bool:
        """Another one is started by its main process."""
        workers = self._house.server.workers()
        if workers:
            with suppress(psutil.NoSuchProcess):
                self._random.choice(workers).kill()
        return bool(workers)

    def _server(self) -> bool:
        if not self._house.server.workers():
            return False
        self._house.kill_server()
        return True

    def _worker(self) -> bool:
        number = self._random.randrange(WORKERS)
        self._frozen.pop(number, None)
        self._house.kill_worker(number)
        self._house.start_worker(number)
        return True

    def _freeze(self) -> bool:
        number = self._random.randrange(WORKERS)
        process = psutil.Process(self._house.workers[number].process.pid)
        process.suspend()
        self._frozen[number] = process, time.monotonic() + LOST
        return True

    def _thaw(self) -> None:
        for number, (process, until) in list(self._frozen.items()):
            if time.monotonic() > until:
                del self._frozen[number]
                process.resume()

    def _backend(self) -> bool:
        """The database ends all others, and recovers by itself."""
        return self._cut(lambda pid: os.kill(pid, signal.SIGKILL), 1)

    def _connections(self) -> bool:
        return self._cut(lambda pid: self._house.fetch("SELECT pg_terminate_backend($1)", pid), 3)

    def _cut(self, end: Callable[[int], object], most: int) -> bool:
        pids = self._house.connections()
        for pid in self._random.sample(pids, min(len(pids), most)):
            with suppress(ProcessLookupError):
                end(pid)
        return bool(pids)

    def _database(self) -> bool:
        return self._ended(signal.SIGQUIT)

    def _postmaster(self) -> bool:
        return self._ended(signal.SIGKILL)

    def _ended(self, way: signal.Signals) -> bool:
        postmaster = self._house.postmaster()
        if postmaster is None:
            return False
        postmaster.send_signal(way)
        gone = awaited(lambda: self._house.postmaster() is None, RETURNS)
        self._house.start_database()
        return gone
