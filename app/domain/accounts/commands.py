"""What admins do with accounts on the command line; the rules are the service's."""

import sys
from typing import BinaryIO

import click

from app.domain.accounts.importing import UserImport
from app.domain.accounts.services import AccountService
from app.platform.commands import commit
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from config.settings import Settings

from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input, unasked.")


@click.command()
@click.option("--username", prompt=True, help="The name that others see.")
@click.option("--email", prompt=True, help="The address to sign in with.")
@from_stdin
def createsuperuser(username: str, email: str, password_stdin: bool) -> None:
    """Make a user who may do everything."""
    password = _password(password_stdin)
    commit(_accounts, lambda accounts: accounts.create_superuser(username, email, password))
    click.echo(f"{username} may do everything now.")


@click.command()
@click.argument("username")
@from_stdin
def changepassword(username: str, password_stdin: bool) -> None:
    """Give USERNAME a new password, and sign them out everywhere."""
    password = _password(password_stdin)
    commit(_accounts, lambda accounts: accounts.change_password(username, password))
    click.echo(f"{username} has a new password, and is signed out everywhere.")


@click.command("import-django-users")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Say what would be wrong, and import nobody.")
def import_django_users(file: BinaryIO, dry_run: bool) -> None:
    """Import the users in FILE, which Django's `manage.py dumpdata auth.user` wrote, with their passwords.

    Nobody is imported where a row is wrong; groups and permissions are left behind.
    """
    dump = file.read()
    count = commit(_imports, lambda users: users.run(dump, is_rehearsal=dry_run))
    click.echo(f"{count} users could be imported; nobody was." if dry_run else f"{count} users are imported.")


def _password(is_piped: bool) -> str:
    """From standard input without the end of its line, or asked for twice."""
    if is_piped:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


def _accounts(database: Database, settings: Settings) -> AccountService:
    passwords = PasswordHasher(workers=1, queue=0)
    return AccountService(database.unit_of_work(), database.reader(), passwords, settings.security)


def _imports(database: Database, _: Settings) -> UserImport:
    return UserImport(database.unit_of_work())
