"""The command that works off what others left to be done after their commit."""

import os

import click

from app.platform.belonging import belong_to
from app.platform.console.reach import connected
from config.settings import ROOT, Settings


@click.command()
@click.option("--beside", type=int, hidden=True, help="End with this process, which started this one.")
@click.option("--reload", is_flag=True, help="Start anew whenever a file of the code changes.")
@connected
@click.pass_obj
def worker(settings: Settings, beside: int | None, reload: bool) -> None:
    """Deliver what was published to those who subscribed, and do the jobs that wait; as many workers as one likes."""
    if beside is not None:
        belong_to(beside)
    if not reload:
        _work(settings)
        return
    from watchfiles import PythonFilter, run_process  # noqa: PLC0415 - development's alone

    run_process(
        ROOT / "app", ROOT / "config", target=_work_beside, args=(settings, os.getpid()), watch_filter=PythonFilter()
    )


def _work_beside(settings: Settings, main: int) -> None:
    belong_to(main)
    _work(settings)


def _work(settings: Settings) -> None:
    from app.platform.working import work  # noqa: PLC0415 - it brings the whole application, which --help can do without

    work(settings)
