"""`healthcheck`: what a container's HEALTHCHECK runs every few seconds, whatever its role; hence no framework."""

from http.client import HTTPConnection, HTTPException

import click

from app.platform.heartbeat import STALE, age
from config.settings import listening

SECONDS = 3.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses to replace, not to bind


@click.command()
@click.option(
    "--role",
    type=click.Choice(["server", "worker", "either"]),
    default="server",
    help="What has to live here; `either` is for a container, which has one of them.",
)
def healthcheck(role: str) -> None:
    """Whether this machine's server answers /health, or its worker lives; exit code 0 or 1."""
    if role == "worker":
        _look_at_worker("there is no worker")
    else:
        _ask_server(is_enough_that_a_worker_lives=role == "either")


def _look_at_worker(absence: str) -> None:
    if (seconds := age()) is None:
        raise click.ClickException(absence)
    if seconds > STALE:
        raise click.ClickException(f"the worker has shown no sign of life for {seconds:.0f} seconds")


def _ask_server(*, is_enough_that_a_worker_lives: bool) -> None:
    try:
        host, port = listening()
        server = HTTPConnection(ANY.get(host, host), port, timeout=SECONDS)
        server.request("GET", "/health")
        status = server.getresponse().status
    except ConnectionRefusedError as error:
        if not is_enough_that_a_worker_lives:
            raise click.ClickException(f"no answer: {error}") from error
        _look_at_worker("no answer: nothing listens here, and there is no worker")
        return
    except (OSError, HTTPException, ValueError) as error:
        raise click.ClickException(f"no answer: {error}") from error
    if status != 200:
        raise click.ClickException(f"/health answers {status}")
