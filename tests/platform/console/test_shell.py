"""A statement with `await` is a transaction; what goes wrong at the prompt does not end it."""

import asyncio
from collections.abc import Callable, Iterator

import asyncpg
import pytest

from app.platform.console.shell import BANNER, Prompt
from app.platform.database.pools import Database
from config.settings import load
from tests.platform.console.conftest import Command

ADD = "await work.fetch(\"INSERT INTO accounts_user (username, email, password) VALUES ('ann', 'a@b.c', '!')\", ())"


def users(url: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT count(*) FROM accounts_user")
        finally:
            await connection.close()

    return asyncio.run(count())


@pytest.fixture
def prompt(lent_database_url: str) -> Iterator[Prompt]:
    environ = {"DATABASE_URL": lent_database_url, "LITEHOUSE_ENVIRONMENT": "test"}
    database = Database(load(env_file=None, environ=environ), on_oversized=pytest.fail)
    with asyncio.Runner() as runner:
        yield Prompt({"reader": database.reader()}, runner, database.unit_of_work())
        runner.run(database.read.close())
        runner.run(database.write.close())


def test_a_command_is_run_with_everything_at_hand(command: Command):
    told = command("shell", "-c", "print(User.__tablename__, AccountService.__name__, settings.server.environment)")
    assert told.stdout == "accounts_user AccountService test\n"


def test_a_program_on_standard_input_is_run(command: Command):
    told = command("shell", given="rows = await reader.fetch('SELECT 6 * 7', ())\nprint(rows[0][0])\n")
    assert told.stdout == "42\n"


def test_what_a_command_does_is_committed(command: Command, lent_database_url: str):
    assert command("shell", "-c", ADD).exit_code == 0
    assert users(lent_database_url) == 1


def test_what_a_command_raises_rolls_back_and_goes_through(command: Command, lent_database_url: str):
    told = command("shell", "-c", f"{ADD}\n1 / 0")
    assert isinstance(told.exception, ZeroDivisionError)
    assert users(lent_database_url) == 0


def test_each_statement_at_the_prompt_is_a_transaction(
    prompt: Prompt, lent_database_url: str, capsys: pytest.CaptureFixture[str]
):
    prompt.push(ADD)
    assert users(lent_database_url) == 1
    prompt.push(f"{ADD}, 1 / 0")
    assert "UniqueViolationError" in capsys.readouterr().err
    prompt.push("rows = await reader.fetch('SELECT count(*) FROM accounts_user', ())")
    prompt.push("rows[0][0]")
    assert capsys.readouterr().out.endswith("1\n")
    prompt.push("raise KeyboardInterrupt")
    assert capsys.readouterr().err == "KeyboardInterrupt\n"
    with pytest.raises(SystemExit):
        prompt.push("raise SystemExit")


def test_the_prompt_reads_until_the_end_of_the_input(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    typed = iter(["for number in [20, 1]:", "    print(2 * number)", "", "await unknown"])

    def type_in(_prompt: str) -> str:
        line: Callable[[], str | None] = lambda: next(typed, None)  # noqa: E731
        if (text := line()) is None:
            raise EOFError
        return text

    monkeypatch.setattr("builtins.input", type_in)
    prompt.converse()
    told = capsys.readouterr()
    assert told.out.split() == ["40", "2"]
    assert BANNER in told.err
    assert "NameError" in told.err
