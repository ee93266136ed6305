"""A circuit breaker: who has failed often in a row is left alone for a while, and then asked by one alone at first.

Closed, everybody asks. Open, nobody does, and all are told at once. Half open, after the pause, one asks: as it fares,
so the breaker is closed or open again.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import ceil
from time import monotonic

import structlog

from app.kit.errors import Busy
from app.platform.http.answers import Unanswered

log = structlog.get_logger()


class Breaker:
    """One of an upstream, in each process. `after`: failures in a row, None: it never opens; `pause`: seconds."""

    def __init__(self, name: str, after: int | None, pause: float, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._after = after
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._is_probing = False

    @contextmanager
    def guard(self) -> Generator[None]:
        """Ask inside of it. Raises Busy while it is open; an Unanswered that passes it counts as what it says."""
        probing = self._admit()
        try:
            yield
        except Unanswered as error:
            if error.is_failure:
                self._failed()
            raise
        else:
            self._failures, self._open_until = 0, None
        finally:
            if probing:
                self._is_probing = False  # whoever was cancelled has learnt nothing: the next one asks

    def _admit(self) -> bool:
        if self._open_until is None:
            return False
        left = self._open_until - self._clock()
        if left > 0 or self._is_probing:
            raise Busy(f"{self._name} does not answer, and is left alone", retry_after=max(1, ceil(left)))
        self._is_probing = True
        return True

    def _failed(self) -> None:
        self._failures += 1
        if self._after is not None and self._failures >= self._after:
            self._open_until = self._clock() + self._pause
            log.warning("an upstream is left alone", upstream=self._name, failures=self._failures, seconds=self._pause)
