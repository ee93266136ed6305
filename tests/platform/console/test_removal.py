"""`flush` empties, and asks before; in production it wants to be told the name."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.platform.console.removal import without_recipes
from tests.platform.console.conftest import Command


@pytest.fixture
def name(lent_database_url: str) -> str:
    """The name of a database that has a user."""
    asyncio.run(
        run(lent_database_url, "INSERT INTO accounts_user (username, email, password) VALUES ('a', 'a@b', '!')")
    )
    return urlsplit(lent_database_url).path.removeprefix("/")


async def run(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


def users(url: str) -> int:
    return asyncio.run(run(url, "SELECT count(*) FROM accounts_user"))[0][0]


def test_every_row_is_deleted_and_the_tables_stay(command: Command, name: str, lent_database_url: str):
    assert command("flush", name).stdout == f"{name} is empty.\n"
    assert users(lent_database_url) == 0
    assert command("migrate").stdout == "Nothing to apply.\n"


def test_it_asks_before(command: Command, name: str, lent_database_url: str):
    assert command("flush", given="n\n").exit_code == 1
    assert users(lent_database_url) == 1
    assert command("flush", given="y\n").exit_code == 0
    assert users(lent_database_url) == 0


def test_production_wants_the_name_typed(command: Command, name: str, lent_database_url: str):
    refused = command("flush", given="y\n", LITEHOUSE_ENVIRONMENT="production")
    assert refused.exit_code == 1
    assert "the database's name has to be typed" in refused.stderr
    assert users(lent_database_url) == 1
    assert command("flush", name, LITEHOUSE_ENVIRONMENT="production").exit_code == 0
    assert users(lent_database_url) == 0


def test_another_name_is_refused(command: Command, name: str, lent_database_url: str):
    assert command("flush", f"{name}x").exit_code == 1
    assert users(lent_database_url) == 1


RECIPES = """# What one does.

# fill the database: just seed --users 2000
[group('database')]
seed *options:
    @exec python -m app seed "$@"

# seed the lawn
seed-lawn:
    @exec python -m app seed-lawn

# measure
bench:
    @exec python -m bench
"""


def test_the_recipes_of_a_module_s_commands_go_with_it():
    left = without_recipes(RECIPES, ["app seed"])
    assert left == RECIPES.replace(RECIPES[RECIPES.index("# fill") : RECIPES.index("# seed the lawn")], "")
    assert without_recipes(RECIPES, []) == RECIPES


def test_only_a_module_can_be_removed(command: Command):
    refused = command("remove-module", "platform")
    assert refused.exit_code == 2
    assert "'platform' is not one of" in refused.stderr
