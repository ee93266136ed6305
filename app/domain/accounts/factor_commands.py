"""What admins do about second factors on the command line; the rules are the service's."""

import click

from app.domain.accounts.second_factors import SecondFactorService
from app.platform.commands import run
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from config.settings import Settings


@click.command("second-factors-remove")
@click.argument("username")
def second_factors_remove(username: str) -> None:
    """Remove all second factors of USERNAME, and end all their tokens: for who has lost them, and the codes too.

    Make sure who it is that asks: from then on the password alone lets somebody in.
    """

    async def work(database: Database, settings: Settings) -> None:
        factors = SecondFactorService(database.unit_of_work(), Sealing(settings), settings.http.site)
        await factors.work.run(lambda: factors.remove_all(username))

    run(work)
    click.echo(f"{username} signs in by the password alone, and is signed out everywhere.")
