"""Nothing escapes the trail, whoever changes a row and by whatever means; and secrets do not get into it."""

from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar
from msgspec import json

from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.jobs.attempt import attempt
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork
from app.platform.jobs.leases import Taken
from tests.conftest import SignedIn
from tests.domain.audit.conftest import AUDIT, Seal

GROUPS = "/api/v1/accounts/groups"
GROUP = "INSERT INTO accounts_group (name) SELECT name FROM unnest($1::text[]) AS name RETURNING id"
USER = "INSERT INTO accounts_user (username, email, password) VALUES ($1, $1, 'a hash') RETURNING id"


@pytest.fixture
async def root(sign_in: Callable) -> SignedIn:
    return await sign_in("root", is_superuser=True)


@job()
async def found_group(work: JobWork, name: str) -> None:
    await work.fetch(GROUP, ([name],))


async def test_a_request_leaves_who_did_what_by_which_request(client: httpx.AsyncClient, root: SignedIn, sign_in):
    await client.post(GROUPS, json={"name": "Editors"}, auth=root, headers={"X-Request-ID": "by-hand-1"})
    asked = {"request_id": "by-hand-1", "operation": "insert", "table": "accounts_group", "actor": str(root.id)}
    found = (await client.get(f"{AUDIT}/entries", params=asked, auth=root)).json()

    [entry] = found["items"]
    assert (entry["actor"], entry["origin"]) == (str(root.id), "request")
    values = {one["column"]: (one["before"], one["after"], one["shown"]) for one in entry["changes"]}
    assert values["name"] == (None, "Editors", "plain")
    assert values["id"][1] == entry["key"]
    known = await client.get(f"{AUDIT}/entries", params={"operation": "altered"}, auth=root)
    assert (known.status_code, known.json()["violations"][0]["pointer"]) == (422, "query:operation")
    assert "insert" in known.json()["detail"]
    for nothing in (
        {"actor": str(uuid4())},
        {"operation": "delete"},
        {"since": "2999-01-01T00:00:00Z"},
        {"until": "1999-01-01T00:00:00Z"},
    ):
        assert (await client.get(f"{AUDIT}/entries", params=asked | nothing, auth=root)).json()["items"] == []
    assert (await client.get(f"{AUDIT}/entries", auth=await sign_in())).status_code == 403


async def test_a_job_leaves_its_name_and_whoever_enqueued_it(
    app: Litestar, database: Database, raw: asyncpg.Connection, recorded: Callable, sign_in: Callable
):
    user = await sign_in()
    work = database.unit_of_work(Viewer(user.id))
    row = await work.run(lambda: work.enqueue(found_group(name="Readers")))
    await raw.execute("UPDATE platform_job SET state = 'running', lease = 1")
    taken = Taken(row, 1, found_group.name, 2, '{"name": "Readers"}', 1, user.id, "errand-1")
    assert await attempt(found_group, taken, database, app.state.resources)
    assert (await recorded("relation, actor, request_id, origin"))[-1] == (
        "accounts_group",
        user.id,
        "errand-1",
        "job:audit.found_group",
    )


async def test_raw_sql_leaves_its_role_and_application(recorded: Callable, database_url: str):
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "a psql"})
    await connection.fetch(GROUP, ["Editors"])
    await connection.close()
    assert await recorded("actor, request_id, origin") == [(None, None, "sql:litehouse a psql")]


async def test_a_temporary_table_does_not_take_its_place(recorded: Callable, database_url: str):
    connection = await asyncpg.connect(database_url)
    for name in ("audit_journal", "audit_entry"):
        await connection.execute(f"CREATE TEMPORARY TABLE {name} (LIKE public.{name})")
    await connection.fetch(GROUP, ["Editors"])
    await connection.close()
    assert [row[:2] for row in await recorded()] == [("accounts_group", "insert")]


async def test_every_way_to_change_rows_is_recorded(raw: asyncpg.Connection, recorded: Callable):
    await raw.copy_records_to_table("accounts_group", records=[("a",), ("b",)], columns=["name"])
    upsert = "INSERT INTO accounts_group (name) VALUES ('A'), ('c') ON CONFLICT (lower(name)) DO UPDATE SET name = 'aa'"
    await raw.execute(upsert)
    await raw.execute("UPDATE accounts_group SET name = name || '!'")
    await raw.execute("UPDATE accounts_group SET name = name")  # which changes nothing
    await raw.execute("DELETE FROM accounts_group WHERE name <> 'b!'")
    operations = [row[0] for row in await recorded("operation")]
    assert sorted(operations[2:4]) == ["insert", "update"]
    assert [*operations[:2], *operations[4:]] == ["insert"] * 2 + ["update"] * 3 + ["delete"] * 2

    user: UUID = await raw.fetchval(USER, "ann")
    group: UUID = await raw.fetchval("SELECT id FROM accounts_group")
    await raw.execute("INSERT INTO accounts_membership VALUES ($1, $2)", user, group)
    await raw.execute("DELETE FROM accounts_user")  # takes the membership along
    await raw.execute("TRUNCATE accounts_grant")
    assert (await recorded())[-5:] == [
        ("accounts_user", "insert", str(user)),
        ("accounts_membership", "insert", f"{user},{group}"),
        ("accounts_user", "delete", str(user)),
        ("accounts_membership", "delete", f"{user},{group}"),
        ("accounts_grant", "truncate", ""),
    ]


async def test_a_key_that_changes_is_one_row_gone_and_another_there(raw: asyncpg.Connection, recorded: Callable):
    new = uuid4()
    [(old,)] = await raw.fetch(GROUP, ["Editors"])
    await raw.execute("UPDATE accounts_group SET id = $1", new)
    assert (await recorded("operation, key"))[1:] in (
        [("delete", str(old)), ("insert", str(new))],
        [("insert", str(new)), ("delete", str(old))],
    )


async def test_of_an_update_the_changed_columns_are_kept_and_of_a_secret_that_it_changed(
    raw: asyncpg.Connection, recorded: Callable
):
    user: UUID = await raw.fetchval(USER, "ann")
    await raw.execute("UPDATE accounts_user SET password = 'another hash', is_staff = true WHERE id = $1", user)
    await raw.execute("UPDATE accounts_user SET updated_at = now() WHERE id = $1", user)  # which is ignored
    first, second = await recorded("before, after")
    assert first[0] is None
    assert json.decode(first[1])["password"] == {"masked": True}
    assert json.decode(second[0]) == {"is_staff": False, "password": {"masked": True}}
    assert json.decode(second[1]) == {"is_staff": True, "password": {"masked": True}}
    texts = await raw.fetch("SELECT j::text FROM audit_journal j UNION ALL SELECT t::text FROM audit_trail t")
    assert "hash" not in "".join(row[0] for row in texts)


async def test_what_was_rolled_back_is_not_in_the_trail(raw: asyncpg.Connection, recorded: Callable):
    with pytest.raises(asyncpg.UniqueViolationError):
        await raw.fetch(GROUP, ["twice", "Twice"])
    assert await recorded() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = NULL",
        "DELETE FROM audit_entry",
        "DELETE FROM {part}",
        "UPDATE audit_journal SET caller = ''",
        "DELETE FROM audit_journal",
        "TRUNCATE audit_journal",
        "TRUNCATE audit_entry",
        "TRUNCATE {part}",
        "TRUNCATE audit_seal",
    ],
)
async def test_the_owner_cannot_change_it(raw: asyncpg.Connection, seal: Seal, statement: str):
    await raw.fetch(GROUP, ["Editors"])
    await seal()
    await raw.fetch(GROUP, ["Readers"])
    part = await raw.fetchval("SELECT tableoid::regclass::text FROM audit_entry")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await raw.execute(statement.format(part=part))
