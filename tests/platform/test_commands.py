"""A command's way to the database, and how it says no."""

import asyncio
from collections.abc import Awaitable, Callable

import click
import pytest
from click.testing import CliRunner, Result

from app.kit.errors import Conflict, Invalid, Violation
from app.platform.commands import run
from app.platform.database.pools import Database
from config.settings import Settings, load


def result_of(work: Callable[[Database, Settings], Awaitable[object]], settings: Settings) -> Result:
    @click.command()
    def command() -> None:
        click.echo(run(work))

    return CliRunner().invoke(command, obj=settings)


@pytest.fixture
def of_database(database_url: str) -> Settings:
    return load(env_file=None, environ={"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "test"})


def test_the_work_is_given_an_open_database(of_database: Settings) -> None:
    async def work(database: Database, settings: Settings) -> int:
        assert settings is of_database
        return (await database.reader().fetch("SELECT 42", ()))[0][0]

    result = result_of(work, of_database)
    assert (result.exit_code, result.output) == (0, "42\n")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (Conflict("name", "has already been taken"), "Error: name: has already been taken\n"),
        (
            Invalid.of([Violation("/a", "blank", "can't be blank"), Violation("/b", "type", "must be a string")]),
            "Error: a: can't be blank\nb: must be a string\n",
        ),
    ],
    ids=["one", "several"],
)
def test_a_refusal_is_told_in_words(of_database: Settings, refusal: Exception, told: str) -> None:
    async def work(_database: Database, _settings: Settings) -> None:
        raise refusal

    result = result_of(work, of_database)
    assert (result.exit_code, result.output) == (1, told)


def test_the_databases_refusal_is_told_in_words(of_database: Settings) -> None:
    async def work(database: Database, _settings: Settings) -> None:
        unit = database.unit_of_work()
        await unit.run(lambda: unit.fetch("SELECT 'x'::text::int", ()))

    result = result_of(work, of_database)
    assert (result.exit_code, result.output) == (1, "Error: body: is not a value that can be stored\n")


def test_a_database_that_is_not_there_is_told_in_words() -> None:
    settings = load(
        env_file=None,
        environ={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "LITEHOUSE_ENVIRONMENT": "test"},
    )

    async def work(database: Database, _settings: Settings) -> None:
        await database.reader().fetch("SELECT 1", ())

    result = result_of(work, settings)
    assert (result.exit_code, result.stderr) == (1, "Error: the database cannot be reached\n")


def test_a_defect_is_not_hidden(of_database: Settings) -> None:
    async def work(_database: Database, _settings: Settings) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    assert isinstance(result_of(work, of_database).exception, ZeroDivisionError)


def test_pools_that_are_too_large_are_told_in_words(database_url: str) -> None:
    environ = {"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_WORKERS": "64"}
    settings = load(env_file=None, environ=environ)

    async def work(database: Database, _settings: Settings) -> None:
        await database.reader().fetch("SELECT 1", ())

    result = result_of(work, settings)
    assert result.exit_code == 1
    assert "lower the pools or raise max_connections" in result.output
