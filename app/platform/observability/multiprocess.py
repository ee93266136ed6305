"""Metrics of several workers in one folder: made before they start, and tidied when one of them is gone.

prometheus_client decides at import whether it keeps values in memory or in such a folder, and granian's workers are
forked: so this file must not import it, and the parent calls `prepare_metrics_folder` before anything else does.
"""

import os
import sys
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare_metrics_folder(folder: Path) -> None:
    """Make the folder, empty it of an earlier run's counts and name it to the workers.

    RuntimeError: prometheus_client was imported already; forked workers would each count for themselves.
    """
    values = sys.modules.get("prometheus_client.values")
    if values is not None and not values.ValueClass._multiprocess:  # noqa: SLF001  # it has no public name
        raise RuntimeError(f"prometheus_client was imported before {VARIABLE} was set")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in folder.glob("*.db"):
        leftover.unlink(missing_ok=True)
    os.environ[VARIABLE] = str(folder)


def forget_dead_workers(folder: Path) -> None:
    """Remove the gauges of processes that are gone, killed ones too; their counters stay, for sums must not fall."""
    for gauge in folder.glob("gauge_live*_*.db"):
        if not _is_alive(int(gauge.stem.rpartition("_")[2])):
            gauge.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
