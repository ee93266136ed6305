"""What admins do on the command line about who is let in; the rules are the service's."""

import click

from app.domain.accounts.invitation_schemas import InvitationOut
from app.domain.accounts.invitation_services import InvitationService
from app.domain.accounts.permission_services import PermissionService
from app.domain.accounts.policies import OPERATOR
from app.domain.accounts.user_services import UserService
from app.platform.commands import commit
from app.platform.database.pools import Database
from app.platform.resources import Resources
from config.settings import Settings


@click.command("user-unlock")
@click.argument("username")
def user_unlock(username: str) -> None:
    """Forget the failed sign-ins to the account of USERNAME, so that it can be signed in to at once.

    An address from which too many accounts were tried goes on waiting.
    """
    if commit(_users, lambda users: users.unlock(username)):
        click.echo(f"{username} can sign in again.")
    else:
        click.echo(f"{username} was not locked out: no failed sign-in was counted.")


@click.command("user-activate")
@click.argument("username")
def user_activate(username: str) -> None:
    """Let USERNAME in again."""
    commit(_users, lambda users: users.activate(username))
    click.echo(f"{username} is active.")


@click.command("user-deactivate")
@click.argument("username")
def user_deactivate(username: str) -> None:
    """Keep USERNAME out, and sign them out everywhere."""
    commit(_users, lambda users: users.deactivate(username))
    click.echo(f"{username} is not active any more, and is signed out everywhere.")


@click.command()
@click.argument("email")
@click.option("--group", "groups", multiple=True, help="A group that they are to be in; may be given again.")
def invite(email: str, groups: tuple[str, ...]) -> None:
    """Mail a link to EMAIL by which its owner makes an account, whether or not anybody can sign up by themselves."""

    async def send(invitations: InvitationService) -> InvitationOut:
        known = PermissionService(invitations.work, {})
        return await invitations.invite(OPERATOR, email, [(await known.group_named(name)).id for name in groups])

    made = commit(_invitations, send)
    click.echo(f"{made.email} is invited until {made.expires_at:%Y-%m-%d %H:%M} UTC.")


def _users(database: Database, _: Settings) -> UserService:
    return UserService(database.unit_of_work())


def _invitations(database: Database, settings: Settings) -> InvitationService:
    return InvitationService(database.unit_of_work(), Resources(settings).mailer)


USER_COMMANDS = [invite, user_unlock, user_activate, user_deactivate]
