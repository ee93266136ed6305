"""The commands about mail: does it leave, and who gets none."""

import asyncio
from datetime import UTC, datetime

import click

from app.kit.uuid7 import uuid7
from app.platform.commands import commit, run
from app.platform.console.reach import connected, usable_settings
from app.platform.database.pools import Database
from app.platform.database.work import Service
from app.platform.mail import suppression
from app.platform.mail.backends import Backend, MailDelayed, MailRefused
from app.platform.mail.mailer import Mailer, mail_faults
from app.platform.mail.message import Mail, Outgoing, as_address, message_id
from app.platform.sealing import Sealing
from config.settings import Settings

TEXT = "This is a test: mail leaves Litehouse, and has arrived here.\n"
HTML = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>A test</title>\n<p>{TEXT}</p>\n</html>\n'


def _address(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return as_address(text).addr_spec
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


ADDRESS = click.argument("address", callback=_address)


@click.command("mail-test")
@click.argument("to", callback=_address)
def mail_test(to: str) -> None:
    """Send a mail now, past the queue, and tell what the server says."""
    settings = usable_settings()
    backend = Mailer(settings, Sealing(settings)).backend
    if backend is None:
        raise click.ClickException("\n".join(mail_faults(settings.mail)))
    key, sender = uuid7(), settings.mail.sender
    mail = Mail(to, "A test", TEXT, HTML)
    outgoing = Outgoing(key, message_id(key, sender), sender, mail, datetime.now(UTC))
    try:
        answer = asyncio.run(_hand_over(backend, outgoing))
    except (MailRefused, MailDelayed) as error:
        verdict = (
            "refused" if isinstance(error, MailRefused) else "not handed over; of the queue it would be tried again"
        )
        raise click.ClickException(f"{verdict}: {error}") from error
    click.echo(f"Handed over: {answer}")


async def _hand_over(backend: Backend, outgoing: Outgoing) -> str:
    try:
        return await backend.hand_over(outgoing)
    finally:
        await backend.close()


@click.command("mail-suppress")
@ADDRESS
@click.argument("reason", default="an admin wants it so")
@connected
def mail_suppress(address: str, reason: str) -> None:
    """Send nothing to an address any more, because it bounces say; links that it asks for are not sent either."""
    commit(_plain, lambda plain: suppression.suppress(plain.work, address, reason))
    click.echo(f"{address} gets no mail any more.")


@click.command("mail-unsuppress")
@ADDRESS
@connected
def mail_unsuppress(address: str) -> None:
    """Send to an address again."""
    commit(_plain, lambda plain: suppression.unsuppress(plain.work, address))
    click.echo(f"{address} gets mail again.")


@click.command("mail-suppressed")
@connected
def mail_suppressed() -> None:
    """List the addresses that get no mail, since when and why."""

    async def look(database: Database, _: Settings) -> list[suppression.Suppressed]:
        return await suppression.suppressed(database.reader())

    for one in run(look):
        click.echo(f"{one.address} since {one.since:%Y-%m-%d %H:%M} UTC: {one.reason}")


def _plain(database: Database, _: Settings) -> Service:
    return Service(database.unit_of_work())
