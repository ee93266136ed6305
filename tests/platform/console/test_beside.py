"""A process that is kept: started anew when it dies, the later the more often, and ended at once."""

import os
import sys
from pathlib import Path

from structlog.testing import capture_logs

from app.platform.console import beside
from app.platform.console.beside import KeptProcess
from tests.e2e.running import until


def test_what_dies_at_once_is_started_anew_ever_later_and_each_time_told(monkeypatch):
    monkeypatch.setattr(beside, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(beside, "LONGEST_PAUSE", 0.04)
    kept = KeptProcess(["false"])
    with capture_logs() as lines:
        kept.thread.start()
        until(lambda: len(lines) >= 4, "it has died four times")
        kept.end()
    assert [(line["code"], line["pause"]) for line in lines[:4]] == [(1, 0.01), (1, 0.02), (1, 0.04), (1, 0.04)]
    assert not kept.thread.is_alive()


def test_who_ends_while_it_waits_does_not_wait_for_the_next_start(monkeypatch):
    monkeypatch.setattr(beside, "FIRST_PAUSE", 3600.0)
    kept = KeptProcess(["false"])
    with capture_logs() as lines:
        kept.thread.start()
        until(lambda: lines, "it has died")
        kept.end()
    assert not kept.thread.is_alive()


def test_a_terminal_s_interrupt_is_not_for_it(tmp_path: Path):
    told = tmp_path / "group"
    kept = KeptProcess([sys.executable, "-c", f"import os; open({str(told)!r}, 'w').write(str(os.getpgrp()))"])
    kept.thread.start()
    until(lambda: told.exists() and told.read_text(), "it has told its process group")
    kept.end()
    assert int(told.read_text()) != os.getpgrp()


def test_who_misses_that_it_shall_end_is_told_again(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(beside, "TOLD_AGAIN", 0.05)
    ready = tmp_path / "ready"
    hear_once = f"""
import signal, time
def swallow(*_): signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGTERM, swallow)
open({str(ready)!r}, "w").close()
time.sleep(60)
time.sleep(60)
"""
    kept = KeptProcess([sys.executable, "-c", hear_once])
    kept.thread.start()
    until(ready.exists, "it listens")
    kept.end()
    assert not kept.thread.is_alive()
