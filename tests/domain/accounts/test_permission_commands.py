"""What admins type about who may what."""

import asyncio
from collections.abc import Callable

import asyncpg
import click
import pytest
from click.testing import CliRunner, Result
from litestar import Litestar

from app.domain.accounts.authentication import Authentication
from app.domain.accounts.permission_commands import (
    group_add,
    group_create,
    group_delete,
    group_remove,
    groups,
    permission_grant,
    permission_revoke,
    permissions,
)
from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from app.platform.database.pools import Database
from config.settings import Settings
from tests.conftest import SignedIn
from tests.waiting import until_waiting

PERMISSIONS, USERS = MANAGE_PERMISSIONS.name, MANAGE_USERS.name


@pytest.fixture
def type_in(app: Litestar, settings: Settings) -> Callable[..., object]:
    """Run a command in a thread, since it has a loop of its own; what it says, where it succeeds."""

    async def invoke(command: click.Command, *arguments: str, fails: bool = False) -> str:
        result: Result = await asyncio.to_thread(CliRunner().invoke, command, arguments, obj=settings)
        assert result.exit_code == fails, result.output
        return result.output

    return invoke


@pytest.fixture
async def ann(sign_in: Callable) -> SignedIn:
    """A user."""
    return await sign_in("Ann")


@pytest.fixture
def own(database: Database, settings: Settings) -> Callable:
    """What a user may by their token, as a worker finds it that has not known them for a second."""
    authenticate = Authentication(settings)

    async def permissions_of(user: SignedIn) -> list[str]:
        viewer = await authenticate(database.reader(), user.token)
        assert viewer is not None
        return sorted(viewer.permissions)

    return permissions_of


async def test_a_user_is_granted_permissions_and_they_are_taken_back(
    type_in: Callable, own: Callable, ann: SignedIn
) -> None:
    assert await type_in(permission_grant, "ann", USERS, PERMISSIONS) == f"ann may {USERS}, {PERMISSIONS}.\n"
    assert await own(ann) == [PERMISSIONS, USERS]
    assert await type_in(permission_revoke, "ANN", USERS) == f"ANN is no longer granted {USERS}.\n"
    assert await own(ann) == [PERMISSIONS]


async def test_a_group_is_made_filled_emptied_and_removed(type_in: Callable, own: Callable, ann: SignedIn) -> None:
    assert await type_in(group_create, "Keepers", USERS) == "There is a group Keepers now.\n"
    assert await type_in(group_add, "keepers", "ann") == "ann is in keepers.\n"
    assert await type_in(groups) == f"Keepers: 1 member\n  {USERS}\n"
    assert await own(ann) == [USERS]
    await type_in(permission_grant, "Keepers", PERMISSIONS, "--group")
    assert await type_in(groups) == f"Keepers: 1 member\n  {PERMISSIONS}\n  {USERS}\n"
    await type_in(permission_revoke, "Keepers", USERS, "--group")
    assert await own(ann) == [PERMISSIONS]
    assert await type_in(group_remove, "keepers", "ann") == "ann is no longer in keepers.\n"
    assert await type_in(groups) == f"Keepers: 0 members\n  {PERMISSIONS}\n"
    assert await type_in(group_delete, "keepers") == "keepers is gone.\n"
    assert await type_in(groups) == ""
    assert await own(ann) == []


async def test_what_can_be_granted_is_listed_by_module_with_its_meaning(type_in: Callable) -> None:
    lines = (await type_in(permissions)).splitlines()
    assert lines[:3] == [
        "accounts",
        f"  {PERMISSIONS}  {MANAGE_PERMISSIONS.meaning}",
        f"  {USERS + ' ' * (len(PERMISSIONS) - len(USERS))}  {MANAGE_USERS.meaning}",
    ]
    assert "declared no longer" not in "\n".join(lines)


async def test_what_a_user_may_is_listed_with_its_ways(type_in: Callable, ann: SignedIn, sign_in: Callable) -> None:
    assert await type_in(permissions, "--user", "ann") == "Ann may what needs no permission.\n"
    await type_in(group_create, "Keepers", USERS, PERMISSIONS)
    await type_in(group_add, "Keepers", "ann")
    await type_in(permission_grant, "ann", USERS)
    assert [line.split(maxsplit=1) for line in (await type_in(permissions, "--user", "ann")).splitlines()] == [
        ["Ann"],
        [PERMISSIONS, "by Keepers"],
        [USERS, "granted, by Keepers"],
    ]
    await sign_in("root", is_superuser=True)
    told = (await type_in(permissions, "--user", "root")).splitlines()
    assert told[0] == "root is a superuser, and may everything."
    assert told[1].split(maxsplit=1) == [PERMISSIONS, "as a superuser"]


async def test_who_is_not_active_may_nothing(type_in: Callable, ann: SignedIn, database_url: str) -> None:
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("UPDATE accounts_user SET is_active = false")
    await elsewhere.close()
    assert await type_in(permissions, "--user", "ann") == "Ann is not active, and may nothing.\n"


async def test_what_no_module_declares_any_more_is_shown_as_such(
    type_in: Callable, ann: SignedIn, database_url: str
) -> None:
    await type_in(group_create, "Keepers", USERS)
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("INSERT INTO accounts_grant VALUES ($1, 'gone.hunt'), ($1, 'gone.sail')", ann.id)
    await elsewhere.execute("INSERT INTO accounts_group_permission SELECT id, 'gone.hunt' FROM accounts_group")
    await elsewhere.close()

    assert (await type_in(permissions)).splitlines()[-3:] == [
        "declared no longer: these grant nothing",
        "  gone.hunt  1 user, 1 group",
        "  gone.sail  1 user, 0 groups",
    ]
    lines = (await type_in(permissions, "--user", "ann")).splitlines()
    assert lines[1] == "  gone.hunt  granted, declared no longer: it grants nothing"
    await type_in(permission_revoke, "ann", "gone.hunt", "gone.sail")
    await type_in(permission_revoke, "Keepers", "gone.hunt", "--group")
    assert "gone" not in await type_in(permissions)


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (permissions, ["--user", "nobody"], "Error: user: not found\n"),
        (permission_grant, ["nobody", USERS], "Error: user: not found\n"),
        (permission_grant, ["ann", "no.such"], "Error: permission: not found\n"),
        (permission_grant, ["nobody", USERS, "--group"], "Error: group: not found\n"),
        (permission_grant, ["Keepers", "no.such", "--group"], "Error: permissions: must be names of permissions\n"),
        (permission_revoke, ["ann", USERS], "Error: permission: not found\n"),
        (permission_revoke, ["Keepers", USERS, "--group"], "Error: permission: not found\n"),
        (group_create, ["keepers"], "Error: name: has already been taken\n"),
        (group_create, [" ", "no.such"], "Error: name: can't be blank\npermissions: must be names of permissions\n"),
        (group_add, ["Keepers", "nobody"], "Error: user: not found\n"),
        (group_remove, ["Keepers", "ann"], "Error: member: not found\n"),
        (group_delete, ["nobody"], "Error: group: not found\n"),
    ],
)
async def test_what_is_wrong_is_said_in_words(
    type_in: Callable, ann: SignedIn, command: click.Command, arguments: list[str], said: str
) -> None:
    await type_in(group_create, "Keepers")
    assert await type_in(command, *arguments, fails=True) == said


@pytest.mark.parametrize(
    ("command", "left"),
    [(permission_grant, [PERMISSIONS, USERS]), (permission_revoke, [USERS])],
    ids=["grant", "revoke"],
)
async def test_what_a_group_gets_meanwhile_it_keeps(
    type_in: Callable, database: Database, command: click.Command, left: list[str]
) -> None:
    await type_in(group_create, "Keepers", *[PERMISSIONS] if command is permission_revoke else [])
    other = await asyncpg.connect(database.url)
    async with other.transaction():
        await other.execute("SELECT FROM accounts_group FOR UPDATE")
        typed = asyncio.create_task(type_in(command, "Keepers", PERMISSIONS, "--group"))
        await until_waiting(database.url)
        await other.execute("INSERT INTO accounts_group_permission SELECT id, $1 FROM accounts_group", USERS)
    await typed
    kept = await other.fetch("SELECT permission FROM accounts_group_permission ORDER BY permission")
    await other.close()
    assert [row[0] for row in kept] == left


async def test_of_several_grants_all_are_made_or_none(type_in: Callable, own: Callable, ann: SignedIn) -> None:
    await type_in(permission_grant, "ann", USERS, "no.such", fails=True)
    assert await own(ann) == []
