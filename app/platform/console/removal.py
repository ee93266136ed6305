"""The commands that take away: all rows of the database, or a module with everything that is its own."""

import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from app.platform.commands import run
from app.platform.console.reach import connected
from app.platform.console.schema import address, plainly
from app.platform.database.pools import Database
from app.platform.migration_writing import write_removal
from app.platform.module import installed
from config.modules import MODULES
from config.settings import ROOT, Settings

# Those that refuse to be emptied, by a trigger BEFORE TRUNCATE (32 and 2), are left alone.
TABLES = """
    SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
    WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
    AND NOT EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = format('%I.%I', schemaname, tablename)::regclass AND tgtype & 34 = 34
    )
"""


@click.command()
@click.argument("name", default="")
@connected
@click.pass_obj
def flush(settings: Settings, name: str) -> None:
    """Delete every row, and keep the tables. In production NAME, the database's, has to be typed."""
    database = unquote(urlsplit(address(settings)).path.removeprefix("/"))
    if name and name != database:
        raise click.ClickException(f"the database is not called {name}")
    if settings.production and not name:
        raise click.ClickException("in production the database's name has to be typed: just flush NAME")
    if not name:
        click.confirm(f"Delete every row of {database}?", abort=True)
    run(_truncate)
    click.echo(f"{database} is empty.")


async def _truncate(database: Database, _: Settings) -> None:
    work = database.unit_of_work()

    async def truncate() -> None:
        tables = (await work.fetch(TABLES, ()))[0][0]
        if tables:
            await work.fetch(f"TRUNCATE {tables} RESTART IDENTITY", ())

    await work.run(truncate)


@click.command(name="remove-module")
@click.argument("module", type=click.Choice(MODULES))
def remove_module(module: str) -> None:
    """Remove MODULE: its code, tests and migrations; a migration that drops its tables takes their place."""
    with plainly():
        dropping = write_removal(module)  # while its models are still there to be read
    listed, recipes = ROOT / "config" / "modules.py", ROOT / "justfile"
    listed.write_text(listed.read_text().replace(f'    "{module}",\n', ""))
    programs, folders = _own(module)
    recipes.write_text(without_recipes(recipes.read_text(), programs))
    for folder in folders:
        shutil.rmtree(folder)
    # In a process of its own: in this one the module is loaded.
    subprocess.run([sys.executable, "-m", "app", "contracts"], cwd=ROOT, check=True)
    click.echo(f"{module} is gone. {dropping.relative_to(ROOT)} drops its tables: read it, then `just migrate`.")


def _own(module: str) -> tuple[list[str], list[Path]]:
    """The programs and the folders that are the module's own; the benchmarks too, if it is what they measure."""
    programs = [f"app {command.name}" for command in installed([module])[0].commands]
    folders = [ROOT / parent / module for parent in ("app/domain", "tests/domain", "migrations/versions")]
    benchmarks = ROOT / "tests" / "benchmarks"
    if any(f"{module}_" in path.read_text() for path in benchmarks.rglob("*.py")):
        programs.append("tests.benchmarks")
        folders.append(benchmarks)
    return programs, [folder for folder in folders if folder.exists()]


def without_recipes(justfile: str, programs: Collection[str]) -> str:
    """The text of a justfile without the recipes that run these programs, each a paragraph of its own."""
    runs = [re.compile(rf"python -m {re.escape(program)}(?![\w.-])") for program in programs]
    paragraphs = justfile.rstrip("\n").split("\n\n")
    return "\n\n".join(part for part in paragraphs if not any(run.search(part) for run in runs)) + "\n"
