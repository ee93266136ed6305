"""What admins type, with and without a terminal."""

from collections.abc import Callable

import pytest

from app.domain.accounts.commands import changepassword, createsuperuser
from app.domain.accounts.services import AccountService
from app.platform.database.pools import Database
from tests.domain.accounts.factories import PASSWORD, UserFactory

Accounts = Callable[[], AccountService]
NAMED = ["--username", "root", "--email", "root@example.com"]


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        pytest.param([], f"root\nroot@example.com\n{PASSWORD}\n{PASSWORD}\n", id="asked for everything"),
        pytest.param(NAMED, f"{PASSWORD}\n{PASSWORD}\n", id="asked for the password"),
        pytest.param([*NAMED, "--password-stdin"], f"{PASSWORD}\n", id="asked for nothing"),
        pytest.param([*NAMED, "--password-stdin"], PASSWORD, id="a pipe without a line feed"),
    ],
)
async def test_a_superuser_is_made(type_in: Callable, accounts: Accounts, arguments: list[str], typed: str) -> None:
    result = await type_in(createsuperuser, *arguments, typed=typed)

    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "root may do everything now.")
    assert PASSWORD not in result.output
    service = accounts()
    signed_in = await service.work.run(lambda: service.sign_in("root@example.com", PASSWORD))
    assert (signed_in.user.username, signed_in.user.is_superuser) == ("root", True)


async def test_all_that_is_wrong_is_said_in_words(type_in: Callable) -> None:
    result = await type_in(createsuperuser, "--username", "..", "--email", "x", "--password-stdin", typed="short\n")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Error: username: may contain letters, digits, _ . - and single spaces between words",
        "email: is not an email address",
        "password: must have at least 8 characters",
    ]


async def test_a_taken_name_is_said_in_words(type_in: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ROOT")
    result = await type_in(createsuperuser, *NAMED, "--password-stdin", typed=PASSWORD)
    assert (result.exit_code, result.output) == (1, "Error: username: has already been taken\n")


async def test_two_passwords_that_differ_are_asked_for_again(type_in: Callable) -> None:
    result = await type_in(createsuperuser, *NAMED, typed=f"{PASSWORD}\nanother\n{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert "do not match" in result.output


@pytest.mark.parametrize("way", [["--password-stdin"], []], ids=["piped", "asked for"])
async def test_a_password_is_changed(type_in: Callable, database: Database, accounts: Accounts, way: list[str]) -> None:
    user = await UserFactory.saved(database, username="Ann")

    result = await type_in(changepassword, "ann", *way, typed="a new password\n" * 2 if not way else "a new password\n")

    assert (result.exit_code, result.output.splitlines()[-1]) == (
        0,
        "ann has a new password, and is signed out everywhere.",
    )
    service = accounts()
    assert (await service.work.run(lambda: service.sign_in(user.email, "a new password"))).user.id == user.id


async def test_an_unknown_user_is_said_in_words(type_in: Callable) -> None:
    result = await type_in(changepassword, "nobody", "--password-stdin", typed=PASSWORD)
    assert (result.exit_code, result.output) == (1, "Error: user: not found\n")
