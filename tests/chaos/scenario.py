"""A module's part in the crash test: what clients write, whom the house calls, and what must hold afterwards.

A module brings it as SCENARIO in the file `chaos.py` of its folder of tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tests.chaos.house import House


class Write(NamedTuple):
    """A request that is to have one effect; its name stands in the row that it makes."""

    kind: str
    name: str
    path: str
    body: Mapping[str, Any]


class Outside(Protocol):
    """Another system, which the house under test calls; it is opened before the house, and closed after it."""

    settings: Mapping[str, object]

    def begin(self, house: House) -> None:
        """Have the house know of it."""

    def note(self, house: House) -> None:
        """Write what it was told into a table of its own, for the checks."""

    def close(self) -> None:
        """Be gone."""


@dataclass(frozen=True)
class Scenario:
    """What is of a module in the crash test.

    `checks`: promises, each with the SQL that finds the rows which break it; what clients wrote stands in `chaos_write`
    by then. `left`: likewise, of what is waited for first, and `hurry`: SQL by which nothing of it has to wait for its
    time. `prepare`: SQL that is run before all. `write`: the write of this name, and of this number of the client's.
    """

    checks: Mapping[str, str] = field(default_factory=dict)
    prepare: str = ""
    write: Callable[[str, int], Write] | None = None
    outside: Callable[[], Outside] | None = None
    left: Mapping[str, str] = field(default_factory=dict)
    hurry: str = ""
