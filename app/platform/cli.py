"""The command line, `python -m app`: the platform's commands and those of the installed modules, under one roof."""

import gc
import signal
import sys
from copy import copy
from importlib import import_module

import click

from config.modules import MODULES

ROOMS = {
    "serving": ("up", "serve", "dev"),
    "worker": ("worker",),
    "health": ("healthcheck",),
    "schema": ("migrate", "makemigrations", "showmigrations", "sqlmigrate", "downgrade"),
    "sight": ("check", "routes", "modules", "contracts"),
    "shell": ("shell",),
    "dbshell": ("dbshell",),
    "events": ("events", "events-retry", "events-skip", "events-unsubscribe"),
    "jobs": ("jobs", "jobs-dead", "jobs-retry", "jobs-cancel"),
    "mail": ("mail-test", "mail-suppress", "mail-unsuppress", "mail-suppressed"),
    "rotation": ("rotate-secrets",),
    "offering": ("new-admin",),
    "founding": ("new-module",),
    "removal": ("flush", "remove-module"),
}
ROOM_OF = {name: room for room, names in ROOMS.items() for name in names}
YOUNG = 10_000  # new objects between two collections; Python's own 700 would be one at every second request


class Console(click.Group):
    """The platform's commands by name, imported one by one: a health check must not wait for an ORM to load."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, the platform's first."""
        return [*ROOM_OF, *self._of_modules()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name; the modules are asked only for what the platform does not know."""
        if room := ROOM_OF.get(cmd_name):
            return getattr(import_module(f"app.platform.console.{room}"), cmd_name.replace("-", "_"))
        return self._of_modules().get(cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; interrupted by Ctrl-C it ends as a shell expects, without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None

    @staticmethod
    def _of_modules() -> dict[str, click.Command]:
        # Imported here: they bring all of the application with them, a second of a command's start.
        from app.platform.console.reach import connected  # noqa: PLC0415
        from app.platform.module import installed  # noqa: PLC0415

        found = {}
        for command in (command for module in installed(MODULES) for command in module.commands):
            offered = copy(command)
            offered.callback = connected(command.callback or (lambda **_: None))  # a group may have none of its own
            found[str(command.name)] = offered
        return found


@click.command(cls=Console, context_settings={"help_option_names": ["-h", "--help"]})
def console() -> None:
    """Litehouse: an async backend with Django's batteries. `just` calls these commands."""


def main() -> None:
    """Run the command that the process was started for."""
    gc.set_threshold(YOUNG)  # what an import makes stays, and what a request makes, hundreds for a list, dies by itself
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is stopped
    console(prog_name="python -m app")
