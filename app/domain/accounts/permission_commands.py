"""What admins do about permissions on the command line; the rules are the service's."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from app.domain.accounts.names import username_form
from app.domain.accounts.permission_queries import holders, holding_of
from app.domain.accounts.permission_schemas import Held, Holding
from app.domain.accounts.permission_services import PermissionService
from app.domain.accounts.policies import OPERATOR
from app.kit.errors import found
from app.platform.commands import commit, run
from app.platform.database.pools import Database
from app.platform.module import declared, installed
from config.modules import MODULES
from config.settings import Settings

GROUPS = """
SELECT name, ARRAY(SELECT permission FROM accounts_group_permission WHERE group_id = id ORDER BY permission),
    (SELECT count(*) FROM accounts_membership WHERE group_id = id)
FROM accounts_group ORDER BY lower(name)
"""
# What is stored, and no module declares any more.
STALE = """
SELECT permission, count(user_id), count(group_id) FROM (
    SELECT permission, user_id, NULL::uuid AS group_id FROM accounts_grant
    UNION ALL SELECT permission, NULL, group_id FROM accounts_group_permission
) AS held WHERE permission <> ALL($1::text[]) GROUP BY permission ORDER BY permission
"""

to_group = click.option("--group", "is_group", is_flag=True, help="WHOM is the name of a group.")


@click.command()
@click.option("--user", "username", metavar="NAME", help="Only what this user may, and whence.")
def permissions(username: str | None) -> None:
    """List what can be granted, by module, and what was granted but is declared no longer."""
    lines = _all() if username is None else _told(_holding(username))
    click.echo("\n".join(lines))


def _all() -> Iterator[str]:
    for module in installed(MODULES):
        if module.permissions:
            yield module.name
            yield from _columns([(one.name, one.meaning) for one in module.permissions])
    if stale := _fetch(STALE, list(declared(installed(MODULES)))):
        yield "declared no longer: these grant nothing"
        yield from _columns(
            [(name, f"{_counted(users, 'user')}, {_counted(groups, 'group')}") for name, users, groups in stale]
        )


def _told(holding: Holding) -> Iterator[str]:
    user = holding.user
    if not user.is_active:
        yield f"{user.username} is not active, and may nothing."
    elif user.is_superuser:
        yield f"{user.username} is a superuser, and may everything."
    elif not holding.held:
        yield f"{user.username} may what needs no permission."
    else:
        yield user.username
    yield from _columns([(one.name, _whence(one)) for one in holding.held])


def _whence(held: Held) -> str:
    ways = ["granted"] if held.granted else []
    ways += [f"by {group.name}" for group in held.groups]
    ways += ["declared no longer: it grants nothing"] if held.meaning is None else []
    return ", ".join(ways) or "as a superuser"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _columns(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return (f"  {name:{width}}  {text}" for name, text in rows)


@click.command("permission-grant")
@click.argument("whom")
@click.argument("names", metavar="PERMISSION…", nargs=-1, required=True)
@to_group
def permission_grant(whom: str, names: tuple[str, ...], is_group: bool) -> None:
    """Grant permissions to the user WHOM, or to a group."""

    async def grant(service: PermissionService) -> None:
        if is_group:
            await service.adjust_group(OPERATOR, (await service.group_named(whom)).id, add=names)
            return
        user = await service.user_named(whom)
        for name in names:
            await service.grant(OPERATOR, user, name)

    commit(_service, grant)
    click.echo(f"{whom} may {', '.join(names)}.")


@click.command("permission-revoke")
@click.argument("whom")
@click.argument("names", metavar="PERMISSION…", nargs=-1, required=True)
@to_group
def permission_revoke(whom: str, names: tuple[str, ...], is_group: bool) -> None:
    """Take back permissions that the user WHOM, or a group, was granted."""

    async def revoke(service: PermissionService) -> None:
        if is_group:
            await service.adjust_group(OPERATOR, (await service.group_named(whom)).id, strip=names)
            return
        user = await service.user_named(whom)
        for name in names:
            await service.revoke(OPERATOR, user, name)

    commit(_service, revoke)
    click.echo(f"{whom} is no longer granted {', '.join(names)}.")


@click.command()
def groups() -> None:
    """List the groups, how many members each has, and what they may."""
    for name, names, members in _fetch(GROUPS):
        click.echo(f"{name}: {_counted(members, 'member')}")
        for permission in names:
            click.echo(f"  {permission}")


@click.command("group-create")
@click.argument("name")
@click.argument("names", metavar="[PERMISSION…]", nargs=-1)
def group_create(name: str, names: tuple[str, ...]) -> None:
    """Make a group called NAME, whose members may what is named."""
    made = commit(_service, lambda service: service.create_group(OPERATOR, name, names))
    click.echo(f"There is a group {made.name} now.")


@click.command("group-delete")
@click.argument("name")
def group_delete(name: str) -> None:
    """Remove the group NAME; its members lose what they had by it."""

    async def delete(service: PermissionService) -> None:
        await service.delete_group(OPERATOR, (await service.group_named(name)).id)

    commit(_service, delete)
    click.echo(f"{name} is gone.")


@click.command("group-add")
@click.argument("group")
@click.argument("username")
def group_add(group: str, username: str) -> None:
    """Put USERNAME into GROUP."""

    async def add(service: PermissionService) -> None:
        await service.add_member(OPERATOR, (await service.group_named(group)).id, await service.user_named(username))

    commit(_service, add)
    click.echo(f"{username} is in {group}.")


@click.command("group-remove")
@click.argument("group")
@click.argument("username")
def group_remove(group: str, username: str) -> None:
    """Take USERNAME out of GROUP."""

    async def remove(service: PermissionService) -> None:
        await service.remove_member(OPERATOR, (await service.group_named(group)).id, await service.user_named(username))

    commit(_service, remove)
    click.echo(f"{username} is no longer in {group}.")


def _service(database: Database, _: Settings) -> PermissionService:
    return PermissionService(database.unit_of_work(), declared(installed(MODULES)))


def _holding(username: str) -> Holding:
    async def work(database: Database, _: Settings) -> Holding:
        reader = database.reader()
        user = found(await holders.one(reader, username=username_form(username)), "user")
        return await holding_of(reader, user.id, declared(installed(MODULES)))

    return run(work)


def _fetch(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    async def work(database: Database, _: Settings) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await database.reader().fetch(statement, parameters)]

    return run(work)


PERMISSION_COMMANDS = [
    permissions,
    permission_grant,
    permission_revoke,
    groups,
    group_create,
    group_delete,
    group_add,
    group_remove,
]
