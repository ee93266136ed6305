"""`healthcheck`: what a container's HEALTHCHECK runs every few seconds, whatever its role; hence no framework."""

from http.client import HTTPConnection, HTTPException

import click

from app.platform.heartbeat import STALE, age
from config.settings import listening

SECONDS = 3.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses to replace, not to bind


@click.command()
def healthcheck() -> None:
    """Whether this machine's server answers /health, or where none listens, its worker lives; exit code 0 or 1."""
    try:
        host, port = listening()
        server = HTTPConnection(ANY.get(host, host), port, timeout=SECONDS)
        server.request("GET", "/health")
        status = server.getresponse().status
    except ConnectionRefusedError as error:
        if (seconds := age()) is None:
            raise click.ClickException("no answer: nothing listens here, and there is no worker") from error
        if seconds > STALE:
            raise click.ClickException(f"the worker has shown no sign of life for {seconds:.0f} seconds") from error
        return
    except (OSError, HTTPException, ValueError) as error:
        raise click.ClickException(f"no answer: {error}") from error
    if status != 200:
        raise click.ClickException(f"/health answers {status}")
