"""What admins do with tokens on the command line; the rules are the service's."""

from uuid import UUID

import click

from app.domain.accounts.token_services import TokenService, Wish
from app.domain.accounts.tokens import scopes_of
from app.platform.commands import commit
from app.platform.database.pools import Database
from app.platform.module import installed
from config.modules import MODULES
from config.settings import Settings


@click.command("token-create")
@click.argument("username")
@click.argument("name")
@click.option("--days", type=int, help="How long it is good.")
@click.option("--scope", "scopes", multiple=True, help="A permission that it is limited to; may be given again.")
def token_create(username: str, name: str, days: int | None, scopes: tuple[str, ...]) -> None:
    """Make a token for USERNAME, called NAME, and print it: standard output holds nothing else."""
    wish = Wish(name, days, list(scopes) or None)
    made = commit(_tokens, lambda tokens: tokens.make_for(username, wish))
    click.echo(f"{made.id}, good until {made.expires_at:%Y-%m-%d %H:%M} UTC. It is shown this once:", err=True)
    click.echo(made.token)


@click.command("token-revoke")
@click.argument("which", metavar="ID-or-USERNAME")
def token_revoke(which: str) -> None:
    """End a token by its id, or all of a user's that were made by name."""
    if (token := _as_id(which)) is not None:
        commit(_tokens, lambda tokens: tokens.revoke(token))
        click.echo(f"{token} has ended.")
    else:
        ended = commit(_tokens, lambda tokens: tokens.revoke_named(which))
        click.echo(f"{ended} of the tokens that {which} made by name have ended.")


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@click.command("sessions-revoke")
@click.argument("username")
def sessions_revoke(username: str) -> None:
    """End all tokens of USERNAME: sign-ins, and those made by name."""
    ended = commit(_tokens, lambda tokens: tokens.revoke_all(username))
    click.echo(f"{username} is signed out everywhere: {ended} tokens have ended.")


@click.command()
def clearsessions() -> None:
    """Delete the tokens that have expired, or have not been used for too long."""
    click.echo(f"{commit(_tokens, lambda tokens: tokens.forget_expired())} tokens were deleted.")


def _tokens(database: Database, settings: Settings) -> TokenService:
    return TokenService(database.unit_of_work(), settings.security, scopes_of(installed(MODULES)))


TOKEN_COMMANDS = [token_create, token_revoke, sessions_revoke, clearsessions]
