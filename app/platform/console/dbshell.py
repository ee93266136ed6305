"""`dbshell`: the database's own prompt."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from urllib.parse import parse_qs, unquote, urlsplit

import click

from app.platform.console.reach import connected
from app.platform.console.schema import address
from app.platform.postgres.errors import PostgresUnavailable
from app.platform.postgres.installation import own_programs
from config.settings import Settings


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
@connected
@click.pass_obj
def dbshell(settings: Settings, arguments: tuple[str, ...]) -> None:
    """Open psql on the database; ARGUMENTS are handed on to it."""
    url, password = _without_password(address(settings))
    secret = {"PGPASSWORD": password} if password else {}
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's: it cancels a query
    try:
        done = subprocess.run([_psql(), url, *arguments], env=os.environ | secret, check=False)
    finally:
        signal.signal(signal.SIGINT, interrupt)
    raise click.exceptions.Exit(done.returncode)


def _psql() -> str:
    """The system's psql, which has line editing, or the one that came with the embedded server."""
    if found := shutil.which("psql"):
        return found
    with suppress(PostgresUnavailable):
        return str(own_programs() / "psql")
    raise click.ClickException("there is no psql here: install PostgreSQL's client programs (postgresql-client)")


def _without_password(url: str) -> tuple[str, str]:
    """The address and, apart, the password: a command line is seen by every user of the machine.

    An `sslpassword`, that of the client's key, is left out: psql then asks for it.
    """
    parts = urlsplit(url)
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    given = parse_qs(parts.query).get("password", [""])  # asyncpg, too, prefers the one before the host
    shown = "&".join(option for option in parts.query.split("&") if "password" not in unquote(option.partition("=")[0]))
    bare = parts._replace(netloc=f"{user}@{where}" if user else where, query=shown)
    return bare.geturl(), unquote(password) or given[-1]
