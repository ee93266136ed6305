"""What admins do with publishing on the command line."""

import click

from app.domain.publishing.samples import samples
from app.domain.publishing.seeding import Volumes, fill
from app.platform.commands import run
from app.platform.database.pools import Database
from config.settings import Settings


@click.command()
@click.option("--users", default=100, show_default=True, type=click.IntRange(1))
@click.option("--articles", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--favorites", default=5000, show_default=True, type=click.IntRange(0))
@click.option("--comments", default=2000, show_default=True, type=click.IntRange(0))
def seed(users: int, articles: int, favorites: int, comments: int) -> None:
    """Fill the database with articles and readers, for measurements."""
    if favorites > users * articles:
        message = f"{users} users have at most {users * articles} favorites among {articles} articles."
        raise click.BadParameter(message, param_hint="--favorites")
    volumes = Volumes(users, articles, favorites, comments)

    async def work(database: Database, settings: Settings) -> None:
        if settings.production:
            raise click.ClickException("what is seeded is not real: refused in production")
        with click.progressbar(length=volumes.total, label="Copying rows") as bar:
            unit = database.unit_of_work()
            await unit.run(lambda: fill(unit, volumes, samples(), bar.update))

    run(work)
