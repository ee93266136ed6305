"""What admins do about second factors on the command line; the rules are the service's."""

import click

from app.domain.accounts.second_factors import SecondFactorService
from app.platform.commands import commit
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from config.settings import Settings


@click.command("second-factors-remove")
@click.argument("username")
def second_factors_remove(username: str) -> None:
    """Remove all second factors of USERNAME, and end all their tokens: for who has lost them, and the codes too.

    Make sure who it is that asks: from then on the password alone lets somebody in.
    """
    commit(_factors, lambda factors: factors.remove_all(username))
    click.echo(f"{username} signs in by the password alone, and is signed out everywhere.")


def _factors(database: Database, settings: Settings) -> SecondFactorService:
    return SecondFactorService(database.unit_of_work(), Sealing(settings), settings.http.site)
