"""`healthcheck`: what a container's HEALTHCHECK runs every few seconds, hence settings and no framework."""

from http.client import HTTPConnection, HTTPException

import click

from config.settings import listening

SECONDS = 3.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses to replace, not to bind


@click.command()
def healthcheck() -> None:
    """Whether the server of this machine answers /health; exit code 0 or 1."""
    try:
        host, port = listening()
        server = HTTPConnection(ANY.get(host, host), port, timeout=SECONDS)
        server.request("GET", "/health")
        status = server.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        raise click.ClickException(f"no answer: {error}") from error
    if status != 200:
        raise click.ClickException(f"/health answers {status}")
