"""The migration commands, on a real database; what they refuse they say in words."""

from tests.platform.console.conftest import Command


def test_migrations_are_undone_shown_and_applied(altering_command: Command):
    undone = altering_command("downgrade", "accounts@base")
    assert undone.exit_code == 0
    assert "accounts_0001 undone" in undone.stdout
    shown = altering_command("showmigrations").stdout.splitlines()
    assert shown[0] == "platform"
    assert "  [x] platform_0001" in "\n".join(shown)
    assert any(line.startswith("  [ ] accounts_0001  ") for line in shown)
    applied = altering_command("migrate", "accounts")
    assert applied.stdout.splitlines()[0] == "accounts_0001 applied"
    assert altering_command("migrate").exit_code == 0
    assert altering_command("migrate").stdout == "Nothing to apply.\n"
    assert "[ ]" not in altering_command("showmigrations").stdout


def test_nothing_to_undo_is_said(altering_command: Command):
    altering_command("downgrade", "base")
    assert altering_command("downgrade", "base").stdout == "Nothing to undo.\n"


def test_sql_is_printed_for_one_module_or_for_all(command: Command):
    one, every = command("sqlmigrate", "platform").stdout, command("sqlmigrate").stdout
    assert "CREATE TABLE platform_counter" in one
    assert "accounts_user" not in one
    assert one in every
    assert "CREATE TABLE accounts_user" in every


def test_models_without_changes_need_no_migration(command: Command):
    assert command("makemigrations", "accounts", "nothing").stdout == "accounts has not changed.\n"


def test_refusals_are_words(command: Command):
    unknown = command("makemigrations", "nonsense", "what?")
    assert (unknown.exit_code, unknown.stderr.startswith("Error: there is no module 'nonsense'")) == (1, True)
    for words in (["migrate", "nonsense"], ["downgrade", "accounts"], ["sqlmigrate", "nonsense"]):
        refused = command(*words)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("Error: ")


def test_a_database_that_is_down_is_told(command: Command):
    refused = command("migrate", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: the database cannot be reached")
