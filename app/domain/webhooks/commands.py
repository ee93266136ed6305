"""What admins do about webhooks on the command line; the rules are the services'."""

from datetime import UTC, datetime
from uuid import UUID

import click

from app.domain.webhooks.schemas import NewReplay
from app.domain.webhooks.services import EndpointService
from app.platform.commands import run
from app.platform.database.pools import Database
from app.platform.sealing import Sealing
from config.settings import Settings

LISTED = """
SELECT p.id, p.url, array_to_string(p.events, ','), coalesce('disabled: ' || p.disabled_reason, 'enabled'),
    count(*) FILTER (WHERE d.state = 'pending'), count(*) FILTER (WHERE d.state = 'failed')
FROM webhooks_endpoint p LEFT JOIN webhooks_delivery d ON d.endpoint_id = p.id AND d.state IN ('pending', 'failed')
WHERE p.deleted_at IS NULL GROUP BY p.id ORDER BY p.id
"""


@click.command()
def webhooks() -> None:
    """List the endpoints: id, address, events, state, and how many messages wait and were given up."""

    async def work(database: Database, _: Settings) -> list[str]:
        rows = await database.reader().fetch(LISTED, ())
        return [
            f"{key}  {url}  {events}  {state}  {waiting} wait  {failed} failed"
            for key, url, events, state, waiting, failed in rows
        ]

    for line in run(work):
        click.echo(line)


@click.command("webhook-replay")
@click.argument("endpoint", type=click.UUID)
@click.argument("since", type=click.DateTime())
@click.argument("until", type=click.DateTime())
def webhook_replay(endpoint: UUID, since: datetime, until: datetime) -> None:
    """Send ENDPOINT once more what happened from SINCE on and before UNTIL, in UTC; a worker does it."""
    asked = NewReplay(since=since.replace(tzinfo=UTC), until=until.replace(tzinfo=UTC))

    async def do(database: Database, settings: Settings) -> UUID:
        work = database.unit_of_work()
        service = EndpointService(work, Sealing(settings), settings)
        return await work.run(lambda: service.replay(endpoint, asked))

    click.echo(f"Job {run(do)} does it.")
