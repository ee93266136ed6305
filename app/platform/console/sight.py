"""The commands that look: at the installation's health, its routes, its modules, and the contract that it offers."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from uuid import UUID

import click
from litestar import Litestar
from litestar.routes import HTTPRoute

from app.kit.errors import AppError
from app.kit.identity import ANONYMOUS, Permission, Viewer
from app.platform.checks import Finding, system_checks
from app.platform.commands import run
from app.platform.console.reach import at, connected, usable_settings
from app.platform.database.pools import Database
from app.platform.handlers import Endpoint
from app.platform.module import installed
from app.platform.openapi.document import contract
from app.platform.security import SELF_CHECKED, admit
from app.platform.serving import compose
from config.modules import MODULES
from config.settings import ROOT, Settings, load

CONTRACTS = ROOT / "tests" / "contract"
Row = Sequence[str]
# Who is asked for in the matrix: whoever has no permission but by what they are.
ASKING = {
    "ANONYMOUS": ANONYMOUS,
    "USER": Viewer(UUID(int=1)),
    "STAFF": Viewer(UUID(int=2)),
    "SUPERUSER": Viewer(UUID(int=3), is_superuser=True),
}
ADMITTED, ITSELF = "yes", "itself"
HEADINGS = ["METHOD", "PATH", "PERMISSION", *ASKING]
NOWHERE = "postgresql://nobody@localhost/nothing"  # the pools open by use, and nothing uses them


@click.command()
@connected
@click.pass_obj
def check(settings: Settings) -> None:
    """Look for what is wrong with the database, the migrations and the modules; exit code 1 when anything is."""
    findings = [*run(_findings), _composition(settings)]
    for finding in findings:
        click.echo(f"{_mark(finding)}  {finding.subject}")
        for fault in finding.faults:
            click.echo(f"       {fault}")
    if any(finding.faults and finding.is_grave for finding in findings):
        raise click.exceptions.Exit(1)


def _mark(finding: Finding) -> str:
    if not finding.faults:
        return "ok   "
    return "FAULT" if finding.is_grave else "note "


async def _findings(database: Database, settings: Settings) -> list[Finding]:
    return await system_checks(settings, database, installed(MODULES))


def _composition(settings: Settings) -> Finding:
    try:
        compose(settings)
    except (LookupError, TypeError) as error:
        return Finding("the application can be put together", [str(error)])
    return Finding("the application can be put together", [])


@click.command()
def routes() -> None:
    """List every route: the permission that it asks for, whom it lets in, and the status by which it refuses others.

    STAFF and USER hold no permission. `itself`: the route looks at a credential that is no user's.
    """
    _show([*HEADINGS, "OPERATION"], *_operations(compose(at(usable_settings(), NOWHERE))))


def _operations(app: Litestar) -> list[Row]:
    return sorted(_unsorted(app), key=itemgetter(1, 0))


def _unsorted(app: Litestar) -> Iterator[Row]:
    for route in (route for route in app.routes if isinstance(route, HTTPRoute)):
        for handler in (handler for handler in route.route_handlers if isinstance(handler, Endpoint)):
            for method in handler.http_methods:
                permission = handler.opt["permission"]
                admitted = [_admitted(viewer, permission) for viewer in ASKING.values()]
                yield str(method), route.path, permission.name, *admitted, str(handler.operation_id)


def _admitted(viewer: Viewer, permission: Permission) -> str:
    if permission == SELF_CHECKED:
        return ITSELF
    try:
        admit(viewer, permission)
    except AppError as refusal:
        return str(refusal.status)
    return ADMITTED


@click.command()
def contracts() -> None:
    """Write the contract files anew: all that can be offered, and to whom, whatever the settings here are."""
    app = compose(load(env_file=None, environ={"LITEHOUSE_ENVIRONMENT": "development", "DATABASE_URL": NOWHERE}))
    rows = [HEADINGS, *(row[:-1] for row in _operations(app))]
    permissions = "".join(f"{' '.join(row)}\n" for row in rows)
    for name, content in (("openapi.json", contract(app)), ("permissions.txt", permissions.encode())):
        (CONTRACTS / name).write_bytes(content)
        click.echo(f"tests/contract/{name}")


@click.command()
def modules() -> None:
    """List the installed modules, lowest first: a module may import only those above it."""
    _show(["MODULE", "SUMMARY"], *[(module.name, module.summary) for module in installed(MODULES)])


def _show(*rows: Row) -> None:
    """Columns as wide as their widest cell, for people and for grep."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
