"""A warning of what may be so at every request: given once in a while, with how often it was so."""

from time import monotonic
from typing import Any

PAUSE = 30.0  # seconds between two of them


class Seldom:
    """One warning."""

    def __init__(self, log: Any, text: str) -> None:
        self._log = log
        self._text = text
        self._times = 0
        self._next = float("-inf")

    def warn(self, error: BaseException) -> None:
        """It is so, for this reason."""
        self._times += 1
        if monotonic() >= self._next:
            self._log.warning(self._text, reason=f"{type(error).__name__}: {error}", times=self._times)
            self._times, self._next = 0, monotonic() + PAUSE
