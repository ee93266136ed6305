"""Settings that are wrong, and a database that is not there, end a command in words."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.platform.console.reach import at, connected, with_database
from config.settings import Settings, load


@click.command()
@connected
@click.pass_obj
def tell(settings: Settings) -> None:
    assert settings.database.url is not None
    click.echo(settings.database.url.get_secret_value())


def told(**settings: str) -> Result:
    return CliRunner().invoke(tell, env={"LITEHOUSE_ENVIRONMENT": "test", **settings})


def test_a_command_is_given_the_address_that_is_set():
    assert told(DATABASE_URL="postgresql://a:b@127.0.0.1/c").stdout == "postgresql://a:b@127.0.0.1/c\n"


def test_wrong_settings_are_told_together_with_an_exit_code_of_their_own():
    refused = told(LITEHOUSE_PORT="no", LITEHOUSE_WORKERS="0")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: 2 settings need attention")
    assert "LITEHOUSE_PORT=no" in refused.stderr
    assert "LITEHOUSE_WORKERS=0" in refused.stderr


def test_an_embedded_server_that_cannot_run_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    refused = told(LITEHOUSE_DATA_FOLDER=str(tmp_path / "file"), DATABASE_URL="")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: {tmp_path / 'file'}")
    assert "Mend:" in refused.stderr


def test_what_a_command_raises_goes_through():
    settings = at(load(env_file=None, environ={"LITEHOUSE_ENVIRONMENT": "test"}), "postgresql://a@localhost/b")
    with pytest.raises(ZeroDivisionError), with_database(settings):
        _ = 1 / 0
