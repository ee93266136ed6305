"""The command that founds a module: the smallest one that is whole, from templates that read as what they become."""

import keyword
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from config.settings import ROOT

# The tree of a module called `polls`; another one has its name in the place of that.
TEMPLATES, ENDING = Path(__file__).with_name("new_module"), ".template"
NAME = re.compile("[a-z]+(_[a-z]+)*")
LONGEST = 24  # a table bears the name twice, and PostgreSQL cuts names of constraints off at 63
LISTED = ROOT / "config" / "modules.py"
HIGHEST = '    "admin",\n'  # it shows what all others offer


@click.command(name="new-module")
@click.argument("name")
def new_module(name: str) -> None:
    """Write the smallest module that is whole: its code, its tests, its place in the list. NAME is a plural, best."""
    if fault := _fault(name):
        raise click.ClickException(f"{fault}; nothing was written")
    before = LISTED.read_text(encoding="utf-8")
    folders = [ROOT / "app" / "domain" / name, ROOT / "tests" / "domain" / name]
    try:
        _write(name)
        _settle(folders)
    except BaseException:
        LISTED.write_text(before, encoding="utf-8")
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    click.echo(f"{name} is in {' and '.join(str(folder.relative_to(ROOT)) for folder in folders)}. Go on with:\n")
    click.echo(f'just makemigrations {name} "first"\njust migrate\njust test tests/domain/{name}')


def _fault(name: str) -> str | None:
    """Why a module cannot be called so."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        return f"{name!r} is no name for a module, which is lower-case words joined by underscores, and no keyword"
    if len(name) > LONGEST:
        return f"{name!r} is too long for the names of its tables: {LONGEST} characters are the most"
    places = [f"{folder}/{name}" for folder in ("app", "app/domain", "tests/domain", "migrations/versions")]
    if taken := next((place for place in places if (ROOT / place).exists()), None):
        return f"{name!r} is taken: there is {taken}"
    return None if find_spec("ruff") else "ruff is not installed: `uv sync` brings what development needs"


def _write(name: str) -> None:
    """Every file, and the line in the list of modules."""
    one = singular(name)
    words = {
        "polls": name,
        "poll": one,
        "Polls": name.replace("_", " ").capitalize(),
        "Poll": "".join(part.capitalize() for part in one.split("_")),
        "POLLS": name.upper(),
    }
    for template in sorted(TEMPLATES.rglob(f"*{ENDING}")):
        place, text = (
            re.sub("POLLS|[Pp]olls?", lambda found: words[found[0]], said)
            for said in (str(template.relative_to(TEMPLATES)), template.read_text(encoding="utf-8"))
        )
        path = ROOT / place.removesuffix(ENDING)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    listed = LISTED.read_text(encoding="utf-8")
    above = HIGHEST if HIGHEST in listed else ")\n"
    LISTED.write_text(listed.replace(above, f'    "{name}",\n{above}'), encoding="utf-8")


def singular(name: str) -> str:
    """What one of them is called; the name itself where English has no rule for it."""
    for plural, one in (("ies$", "y"), ("(?<=ss|sh|ch)es$", ""), ("(?<=x)es$", ""), ("(?<![sui])s$", "")):
        if re.search(plural, name):
            return re.sub(plural, one, name)
    return name


def _settle(folders: list[Path]) -> None:
    """Imports in order and lines as long as they may be, whatever the name; and the contracts with it.

    Whoever cannot be put together with the rest is told here: two modules may not have operations of one name, say.
    """
    python = [sys.executable, "-m"]
    for words in (["check", "-q", "--fix", "--select=I"], ["format", "-q"], ["check", "-q", "--output-format=concise"]):
        _run([*python, "ruff", *words, *map(str, folders)])
    _run([*python, "app", "contracts"])  # in a process of its own: in this one the list is the former


def _run(words: list[str]) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise click.ClickException(f"a module of this name does not fit in, and nothing was written: {said[-1]}")
