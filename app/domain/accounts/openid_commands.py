"""What admins do about providers and identities on the command line; the rules are the services'."""

import sys

import click
import msgspec

from app.domain.accounts.models import Provider
from app.domain.accounts.openid import redirect_uri
from app.domain.accounts.openid_providers import ProviderService
from app.domain.accounts.openid_schemas import ManagedProvider, NewProvider
from app.kit.errors import AppError
from app.platform.commands import commit, run
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from app.platform.validation import decode
from config.settings import Settings

LISTED = f"""
SELECT name, label, issuer, (SELECT count(*) FROM accounts_identity WHERE provider_id = provider.id)
FROM {Provider.__tablename__} AS provider ORDER BY name
"""  # noqa: S608 - of names of ours


@click.command()
def providers() -> None:
    """List those by whom one can sign in: name, label, issuer, and how many identities they vouch for."""

    async def work(database: Database, _: Settings) -> list[str]:
        rows = await database.reader().fetch(LISTED, ())
        return [f"{name}  {label}  {issuer}  {count}" for name, label, issuer, count in rows]

    for line in run(work):
        click.echo(line)


@click.command("provider-add")
@click.argument("name")
@click.option("--issuer", required=True, help="Its address, as its own configuration has it.")
@click.option("--client-id", required=True, help="As what it knows this site.")
@click.option("--label", help="How people know it; otherwise NAME.")
@click.option("--scope", "scopes", multiple=True, help="What it is asked for: openid, email and profile, unless given.")
def provider_add(name: str, issuer: str, client_id: str, label: str | None, scopes: tuple[str, ...]) -> None:
    """Let people sign in by a provider, called NAME in addresses; the client's secret is read from standard input."""
    given = {
        "name": name,
        "label": label or name,
        "issuer": issuer,
        "clientId": client_id,
        "clientSecret": _secret(),
        **({"scopes": list(scopes)} if scopes else {}),
    }
    made = commit(_trust, lambda trust: trust.add(decode(NewProvider, msgspec.json.encode(given))))
    click.echo(f"One can sign in by {made.name}. It has to know this redirect URI:")
    click.echo(_redirect(click.get_current_context().obj, made))


def _secret() -> str:
    if sys.stdin.isatty():
        return click.prompt("Client secret", hide_input=True)
    return sys.stdin.read().strip()


def _redirect(settings: Settings, provider: ManagedProvider) -> str:
    try:
        return redirect_uri(settings.http, provider.name)
    except AppError as error:
        raise click.ClickException(error.detail) from error


@click.command("provider-remove")
@click.argument("name")
def provider_remove(name: str) -> None:
    """Let nobody sign in by the provider NAME any more; identities by it are forgotten."""
    commit(_trust, lambda trust: trust.remove(name))
    click.echo(f"Nobody signs in by {name} any more.")


@click.command("identities-remove")
@click.argument("username")
def identities_remove(username: str) -> None:
    """Remove the identities of USERNAME at all providers, and end all their tokens: for who has lost one to others."""
    count = commit(_trust, lambda trust: trust.unlink_all(username))
    click.echo(f"{count} identities of {username} were removed, and they are signed out everywhere.")


def _trust(database: Database, settings: Settings) -> ProviderService:
    return ProviderService(database.unit_of_work(), Sealing(settings), settings)


OPENID_COMMANDS = [providers, provider_add, provider_remove, identities_remove]
