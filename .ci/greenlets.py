"""A plugin of coverage: code that SQLAlchemy runs in greenlets is counted right, and for next to nothing.

coverage's own way (`concurrency = ["greenlet"]`) looks the greenlet up at every call and every return, which costs four
times what all the rest of it does. Here each greenlet has a tracer of its own, changed when they are.
"""

import sys
from typing import Any
from weakref import WeakKeyDictionary

import greenlet
from coverage.collector import Collector
from coverage.plugin_support import Plugins


def coverage_init(_plugins: Plugins, _options: dict[str, Any]) -> None:
    """Have every thread that coverage traces change tracers as it changes greenlets."""
    start = Collector._start_tracer  # noqa: SLF001 - it is told of new threads; nothing public is

    def start_tracer(collector: Collector) -> Any:
        tracer = start(collector)
        greenlet.settrace(Switch(tracer, lambda: start(collector)))
        return tracer

    Collector._start_tracer = start_tracer  # noqa: SLF001


class Switch:
    """The tracers of one thread's greenlets; those of greenlets that have ended serve the next."""

    def __init__(self, first: Any, start: Any) -> None:
        self._start = start
        self._of = WeakKeyDictionary({greenlet.getcurrent(): first})
        self._idle: list[Any] = []

    def __call__(self, _event: str, change: tuple[greenlet.greenlet, greenlet.greenlet]) -> None:
        """Called in the second of two greenlets, when it takes over from the first."""
        if sys.gettrace() is None:  # it was stopped, and no greenlet starts it again
            return
        before, after = change
        if before.dead and before in self._of:
            self._idle.append(self._of.pop(before))
        if after not in self._of:
            self._of[after] = self._idle.pop() if self._idle else self._start()
        self._of[after].start()
