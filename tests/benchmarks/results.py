"""What was measured: kept as JSON, and compared by ratios, which travel between machines as microseconds do not."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.benchmarks.workloads import WORKLOADS, Workload

FOLDER = Path(__file__).parent / "results"
LATEST = FOLDER / "latest.json"
PEERS = ("granian", "fastapi", "sqlalchemy", "uvicorn", "django", "djangorestframework", "gunicorn")


@dataclass(frozen=True)
class Figure:
    """What a request cost: CPU of the server's processes and of PostgreSQL's in microseconds, latencies in ms."""

    app: float
    postgres: float
    rate: float
    p50: float
    p99: float

    @property
    def total(self) -> float:
        """The CPU of both."""
        return self.app + self.postgres


def median(rounds: Sequence[Figure]) -> Figure:
    """Each figure's median over the rounds."""
    return Figure(**{name: statistics.median(asdict(one)[name] for one in rounds) for name in asdict(rounds[0])})


@dataclass(frozen=True)
class Results:
    """Figures by workload and server; `memory`: MB of each server's processes, after the load."""

    machine: dict[str, str | int]
    versions: dict[str, str]
    mode: str
    figures: dict[str, dict[str, Figure]]
    memory: dict[str, float]

    def ours(self, workload: Workload) -> Figure | None:
        """What Litehouse spent."""
        return self.figures.get(workload.name, {}).get("litehouse")

    def theirs(self, workload: Workload, peer: str) -> Figure | None:
        """What another spent for the same answer."""
        return self.figures.get(workload.beside, {}).get(peer)

    def workloads(self) -> list[Workload]:
        """Those that were measured."""
        return [workload for workload in WORKLOADS if workload.name in self.figures]

    def to_json(self) -> str:
        """As it is kept, rounded to what means something."""
        rounded = json.loads(json.dumps(asdict(self)), parse_float=lambda text: float(f"{float(text):.4g}"))
        return json.dumps(rounded, indent=1) + "\n"


def read(path: Path) -> Results:
    """Results that were kept. Raises FileNotFoundError."""
    kept = json.loads(path.read_text())
    kept["figures"] = {
        workload: {server: Figure(**figure) for server, figure in by_server.items()}
        for workload, by_server in kept["figures"].items()
    }
    return Results(**kept)


def machine(postgresql: str) -> dict[str, str | int]:
    """What is told of the machine, and no more."""
    return {
        "cores": os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "postgresql": postgresql,
    }


def versions() -> dict[str, str]:
    """Those of what is measured beside Litehouse."""
    return {name: version(name) for name in PEERS}
