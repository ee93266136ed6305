"""The recipes: in groups, all of them there, and handing on what they are given as it is."""

import json
import re

import pytest

from app.platform.cli import ROOM_OF
from app.platform.module import installed
from config.modules import MODULES
from tests.e2e.running import just

CALL = re.compile(r"python -m app ([a-z-]+)")
IN_CONTAINERS_ALONE = {"healthcheck"}


@pytest.fixture(scope="module")
def called() -> dict[str, set[str]]:
    """The commands that each recipe calls."""
    recipes = json.loads(just("--dump", "--dump-format", "json"))["recipes"]
    return {name: set(CALL.findall(json.dumps(recipe["body"]))) for name, recipe in recipes.items()}


def test_bare_just_shows_the_recipes_in_groups():
    lines = just().splitlines()
    assert lines[0] == "Available recipes:"
    assert [line.strip() for line in lines if line.startswith("    [")] == [
        "[serve]",
        "[develop]",
        "[database]",
        "[manage]",
    ]
    assert all("# " in line for line in lines[1:] if line and not line.startswith("    ["))


def test_every_command_has_its_recipe(called: dict[str, set[str]]):
    commands = {str(command.name) for module in installed(MODULES) for command in module.commands} | {*ROOM_OF}
    assert commands - IN_CONTAINERS_ALONE <= set().union(*called.values())
    assert all(names <= {name} for name, names in called.items() if name in commands)


def test_what_a_recipe_is_given_is_handed_on_as_it_is():
    text = """two  words, 'quotes', "more", $HOME and `date`"""
    assert just("shell", "-c", f"print({text!r})", database_url="postgresql://a@b/c", environment="test") == f"{text}\n"


def test_the_file_is_in_its_usual_form():
    just("--fmt", "--check", "--unstable")
