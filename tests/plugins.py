"""How a run goes: the longest tests first, garbage between tests, and under CI failures told and lines counted."""

import gc
import os
from collections.abc import Generator
from itertools import count

import pytest
from coverage import Coverage

TESTS, COLLECTED_EVERY = count(1), 200


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if coverage := Coverage.current():
        config.pluginmanager.register(FirstCasesCounted(coverage))
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and terminal is not None:
        config.pluginmanager.register(FailuresAtOnce(terminal))


@pytest.hookimpl(trylast=True)  # after the shuffling
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: each process that runs out of tests takes the later half of another's."""
    items.sort(key=_seconds, reverse=True)


def _seconds(item: pytest.Item) -> int:
    mark = item.get_closest_marker("long")
    return 0 if mark is None else mark.args[0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """What is old is looked through between tests: in the middle of one it would stand in the loop, for seconds."""
    if next(TESTS) % COLLECTED_EVERY == 0:
        collect_garbage()


def collect_garbage() -> None:
    """Now, and never again what is there now."""
    gc.collect()
    gc.freeze()  # as a worker does: what the tests have imported is not looked through again


class FailuresAtOnce:
    """Says under CI what failed when it did: a run that is ended from outside has no summary."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = report.longreprtext.rpartition("\n")[2] if crash is None else f"{crash}"
            self._terminal.write_line(f"\n{report.nodeid} ({report.when}, {report.duration:.1f} s): {reason}", red=True)


class FirstCasesCounted:
    """Has coverage count the lines of each test's first case alone: the others run the same, in twice their time.

    Of what Hypothesis makes up, not even that: it comes upon another line now and then, and not the next time.
    """

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._counted: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The same ones in every process of a run, and in every order."""
        cases = sorted((one.nodeid for one in session.items if "is_hypothesis_test" not in one.keywords), reverse=True)
        self._counted = set({case.partition("[")[0]: case for case in cases}.values())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Nor what pytest and xdist do between tests, which is the most of it in the process that hands them out."""
        self._coverage.stop()
        try:
            return (yield)
        finally:
            self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if item.nodeid not in self._counted:
            return (yield)
        self._coverage.start()
        try:
            return (yield)
        finally:
            self._coverage.stop()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI, where all that a test could ask for is installed, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("a test was skipped: under CI that is a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
