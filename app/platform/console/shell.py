"""`shell`: Python with the application at hand, and `await` at the prompt."""

import ast
import asyncio
import inspect
import readline
import sys
from code import InteractiveConsole
from collections.abc import Iterator
from contextlib import AsyncExitStack
from rlcompleter import Completer
from types import CodeType, FunctionType
from typing import Any

import click
from sqlalchemy import select

from app.platform.console.reach import connected
from app.platform.database.caller import ORIGIN
from app.platform.database.model import Base
from app.platform.database.pools import Database
from app.platform.database.work import Service, UnitOfWork
from app.platform.module import installed
from config.modules import MODULES
from config.settings import Settings

BANNER = """\
At hand: every model and service, work (a unit of work), reader, database, settings, select.
A statement with `await` is a transaction: committed when it ends, rolled back when it raises.
    await reader.fetch("SELECT version()", ())
    await work.session.scalars(select(User).limit(3))
Ctrl-D leaves."""


@click.command()
@click.option("-c", "--command", default="", help="Run this and leave, as with a program on standard input.")
@connected
@click.pass_obj
def shell(settings: Settings, command: str) -> None:
    """Python's prompt with models, services, a unit of work and `await` at hand."""
    program = command or ("" if sys.stdin.isatty() else sys.stdin.read())
    database = Database(settings, on_oversized=lambda reason: click.echo(reason, err=True))
    ORIGIN.set("command:shell")
    with asyncio.Runner() as runner:
        opened = AsyncExitStack()
        runner.run(opened.enter_async_context(database.lifespan()))
        prompt = Prompt(_names(settings, database), runner, database.unit_of_work())
        try:
            prompt.run_program(program) if program else prompt.converse()
        finally:
            runner.run(opened.aclose())


def _names(settings: Settings, database: Database) -> dict[str, Any]:
    installed(MODULES)  # which imports their models and services
    kinds = [*(mapper.class_ for mapper in Base.registry.mappers), *_below(Service)]
    at_hand = {"settings": settings, "database": database, "reader": database.reader(), "select": select}
    return {kind.__name__: kind for kind in kinds} | at_hand


def _below(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


class Prompt(InteractiveConsole):
    """Python's own prompt, but that it knows `await`."""

    def __init__(self, names: dict[str, Any], runner: asyncio.Runner, work: UnitOfWork) -> None:
        super().__init__({**names, "work": work})
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._runner = runner
        self._work = work

    def run_program(self, text: str) -> None:
        """Run a whole program; what it raises goes through."""
        self._perform(compile(text, "<program>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))

    def converse(self) -> None:
        """Read statements and run them until the end of the input."""
        readline.set_completer(Completer(self.locals).complete)
        readline.parse_and_bind("tab: complete")
        self.interact(BANNER, exitmsg="")

    def runcode(self, code: CodeType) -> None:
        """Run one statement that was typed; what it raises is shown, and the next may be typed."""
        try:
            self._perform(code)
        except SystemExit:
            raise
        except KeyboardInterrupt:
            self.write("KeyboardInterrupt\n")
        except BaseException:  # noqa: BLE001 - the statement ends, and the prompt goes on
            self.showtraceback()

    def _perform(self, code: CodeType) -> None:
        statement = FunctionType(code, self.locals)
        if code.co_flags & inspect.CO_COROUTINE:
            self._runner.run(self._work.run(statement))
        else:
            statement()
