"""A server of the house on a database of its own, from its first answer to its orderly end."""

from collections.abc import Generator
from contextlib import contextmanager

from tests.e2e.running import ROOT, Running


class Quick(Running):
    """The house, with passwords that cost nothing."""

    program = "tests.e2e.quick"
    counted = False  # what it serves to thousands of requests is counted in process, and the command elsewhere


@contextmanager
def serving(database_url: str, kind: type[Running] = Running, **settings: str) -> Generator[Running]:
    """A server that answers until the end of the block; settings are named without their prefix."""
    settings |= {"environment": "test", "docs": "true", "database_url": database_url}
    with kind("serve", folder=ROOT, **settings) as server:
        server.until_answer("/health")
        yield server
        server.interrupt()
        assert server.ended() == 0, server.said
