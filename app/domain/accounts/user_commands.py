"""What admins do on the command line about who is let in; the rules are the service's."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from app.domain.accounts.user_services import UserService
from app.platform.commands import run
from app.platform.database.pools import Database
from config.settings import Settings

T = TypeVar("T")


@click.command("user-unlock")
@click.argument("username")
def user_unlock(username: str) -> None:
    """Forget the failed sign-ins to the account of USERNAME, so that it can be signed in to at once.

    An address from which too many accounts were tried goes on waiting.
    """
    if _do(lambda users: users.unlock(username)):
        click.echo(f"{username} can sign in again.")
    else:
        click.echo(f"{username} was not locked out: no failed sign-in was counted.")


@click.command("user-activate")
@click.argument("username")
def user_activate(username: str) -> None:
    """Let USERNAME in again."""
    _do(lambda users: users.activate(username))
    click.echo(f"{username} is active.")


@click.command("user-deactivate")
@click.argument("username")
def user_deactivate(username: str) -> None:
    """Keep USERNAME out, and sign them out everywhere."""
    _do(lambda users: users.deactivate(username))
    click.echo(f"{username} is not active any more, and is signed out everywhere.")


def _do(verb: Callable[[UserService], Awaitable[T]]) -> T:
    """Run a verb of the service and commit."""

    async def work(database: Database, _: Settings) -> T:
        users = UserService(database.unit_of_work())
        return await users.work.run(lambda: verb(users))

    return run(work)


USER_COMMANDS = [user_unlock, user_activate, user_deactivate]
