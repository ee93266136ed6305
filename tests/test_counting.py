"""What CI tells of the lines that are run is true of greenlets too, in which SQLAlchemy runs the ORM's."""

import os
import subprocess
import sys
from pathlib import Path

from coverage import CoverageData

CI = Path(__file__).resolve().parents[1] / ".ci"
HOLD = """import greenlet
home = greenlet.getcurrent()
def load():
    home.switch()
    return stow()
def stow():
    home.switch()
    return 1
def empty():
    return 2
"""
SHIP = """import sys, greenlet
from app.hold import load
def sail():
    first = enter(greenlet.greenlet(load))
    second = enter(greenlet.greenlet(load))
    return [enter(one).switch() or one.dead for one in (first, second)]
def enter(one):
    one.switch()
    return one
def sink():
    return 3
assert sail() == [1, 1]
assert sail() == [1, 1]
sys.modules["coverage"].Coverage.current().stop()
assert sail() == [1, 1]
assert sys.gettrace() is None  # what is stopped is not started by the next greenlet
"""


def test_lines_in_greenlets_are_counted_where_they_are(tmp_path: Path):
    (tmp_path / "app").mkdir()
    for name, text in {"__init__": "", "hold": HOLD, "ship": SHIP}.items():
        (tmp_path / "app" / f"{name}.py").write_text(text)
    counting = {"COVERAGE_PROCESS_START": str(CI / "coverage.toml"), "COVERAGE_FILE": str(tmp_path / ".coverage")}
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
    environ |= counting | {"PYTHONPATH": str(CI)}
    subprocess.run([sys.executable, "-m", "app.ship"], cwd=tmp_path, env=environ, check=True)

    [kept] = tmp_path.glob(".coverage.*")
    data = CoverageData(str(kept))
    data.read()
    run = {Path(path).stem: set(data.lines(path) or ()) for path in data.measured_files()}
    assert run["hold"] == {*range(1, 11)} - {10}
    assert run["ship"] == {*range(1, 15)} - {11}
