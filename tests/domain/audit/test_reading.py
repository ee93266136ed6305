"""What became of a row, what it was at a moment, and what the command line takes elsewhere."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from click.testing import CliRunner
from msgspec import json

from app.domain.audit import differences
from app.domain.audit.persons import decrypted
from app.domain.audit.seals import ENTRIES, HASHED
from app.platform.cli import console
from tests.conftest import SignedIn
from tests.domain.audit.conftest import AUDIT, Seal

HASH = f"SELECT {HASHED} {ENTRIES.format(part='audit_trail')}"
GROUP = "INSERT INTO accounts_group (name) VALUES ($1) RETURNING id"
RENAME = "UPDATE accounts_group SET name = $2 WHERE id = $1 RETURNING clock_timestamp()"


@pytest.fixture
async def root(sign_in: Callable) -> SignedIn:
    return await sign_in("root", is_superuser=True)


async def test_a_row_is_shown_as_it_was(
    client: httpx.AsyncClient, raw: asyncpg.Connection, root: SignedIn, statements: Callable
):
    async def was(at: datetime) -> dict | None:
        answer = await client.get(f"{path}/row", params={"as_of": at.isoformat()}, auth=root)
        assert answer.status_code == 200
        return answer.json()["row"]

    before = await raw.fetchval("SELECT clock_timestamp()")
    group = await raw.fetchval(GROUP, "a")
    path = f"{AUDIT}/accounts_group/{group}"
    made = await raw.fetchval("SELECT clock_timestamp()")
    renamed = await raw.fetchval(RENAME, group, "b")
    renamed = max(renamed, await raw.fetchval("SELECT clock_timestamp()"))
    await raw.execute("DELETE FROM accounts_group WHERE id = $1", group)
    gone = await raw.fetchval("SELECT clock_timestamp()")
    assert await was(before) is None
    assert (await was(made) or {})["name"] == "a"
    assert (await was(renamed) or {})["name"] == "b"
    assert await was(gone) is None

    with statements(at_most=2):  # whose token it is, and this
        pages = (await client.get(path, params={"limit": 2}, auth=root)).json()
    assert [one["operation"] for one in pages["items"]] == ["delete", "update"]
    rest = (await client.get(path, params={"limit": 2, "after": pages["next"]}, auth=root)).json()
    assert ([one["operation"] for one in rest["items"]], rest["next"]) == (["insert"], None)

    await raw.execute("TRUNCATE accounts_group CASCADE")
    answer = await client.get(f"{path}/row", params={"as_of": renamed.isoformat()}, auth=root)
    assert (answer.status_code, "was emptied" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("renames", "length", "status"),
    [(999, 1, 200), (1_000, 1, 409), (210, 100_000, 409)],
    ids=["as many as can be", "too many", "too large"],
)
async def test_a_row_is_rebuilt_over_so_much_and_no_more(
    client: httpx.AsyncClient, raw: asyncpg.Connection, root: SignedIn, renames: int, length: int, status: int
):
    group = await raw.fetchval(GROUP, "a")
    made = await raw.fetchval("SELECT clock_timestamp()")
    await raw.execute(
        "INSERT INTO audit_entry (xid, at, relation, key, operation, origin, before, after)"
        " SELECT 1, clock_timestamp(), 'accounts_group', $1::text, 'update', 'x',"
        " jsonb_build_object('name', n || body), jsonb_build_object('name', n + 1 || body)"
        " FROM generate_series(0, $2::int) AS n, repeat('x', $3::int) AS body",
        str(group),
        renames,
        length,
    )
    asked = {"as_of": made.isoformat()}
    answer = await client.get(f"{AUDIT}/accounts_group/{group}/row", params=asked, auth=root)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["row"]["name"] == "0x"
    else:
        assert "lies more than 1,000 changes, or 20 MB of them, back" in answer.json()["detail"]


async def test_what_is_personal_is_rebuilt_beside_the_loop(
    client: httpx.AsyncClient, raw: asyncpg.Connection, root: SignedIn, seal: Seal, monkeypatch: pytest.MonkeyPatch
):
    threads = set()

    def looking(*given: Any) -> Any:
        threads.add(threading.current_thread())
        return decrypted(*given)

    monkeypatch.setattr(differences, "decrypted", looking)
    await raw.execute("UPDATE accounts_user SET bio = 'first'")
    moment = await raw.fetchval("SELECT clock_timestamp()")
    await raw.execute("UPDATE accounts_user SET bio = 'second'")
    await seal()
    await raw.execute("UPDATE accounts_user SET bio = 'third'")
    answer = await client.get(f"{AUDIT}/accounts_user/{root.id}/row", params={"as_of": moment.isoformat()}, auth=root)
    assert answer.json()["row"]["bio"] == "first"
    assert threads
    assert threading.current_thread() not in threads


async def test_secrets_are_in_no_former_row(client: httpx.AsyncClient, raw: asyncpg.Connection, root: SignedIn):
    moment = await raw.fetchval("SELECT clock_timestamp()")
    await raw.execute("UPDATE accounts_user SET password = 'a hash', display_name = 'Ann'")
    answer = await client.get(f"{AUDIT}/accounts_user/{root.id}/row", params={"as_of": moment.isoformat()}, auth=root)
    found = answer.json()
    assert found["hidden"] == ["password"]
    assert (found["row"]["username"], found["row"]["display_name"]) == ("root", None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("accounts_group/{}", 200),  # nothing became of it, as far as is known
        ("accounts_group/{}/row?as_of=2026-01-01T00:00:00Z", 404),
        ("accounts_group/nonsense/row?as_of=2026-01-01T00:00:00Z", 404),
        ("accounts_membership/{}/row?as_of=2026-01-01T00:00:00Z", 404),
        ("accounts_group/{}/row?as_of=2026-01-01T00:00:00", 422),
        ("platform_job/{}", 404),
        ("pg_authid/{}/row?as_of=2026-01-01T00:00:00Z", 404),
    ],
    ids=["unknown", "no row", "no uuid", "half a key", "no zone", "not audited", "no table of ours"],
)
async def test_what_is_not_there_is_said_so(client: httpx.AsyncClient, root: SignedIn, path: str, status: int):
    assert (await client.get(f"{AUDIT}/{path.format(uuid4())}", auth=root)).status_code == status


async def test_what_no_module_reverts_is_refused(client: httpx.AsyncClient, raw: asyncpg.Connection, root: SignedIn):
    group = await raw.fetchval(GROUP, "a")
    answer = await client.post(f"{AUDIT}/accounts_group/{group}/revert", json={"position": 1}, auth=root)
    assert (answer.status_code, answer.json()["violations"][0]["code"]) == (409, "irreversible")
    for path in (f"accounts_group/{group}/nonsense", f"platform_job/{group}/revert"):
        assert (await client.post(f"{AUDIT}/{path}", json={"position": 1}, auth=root)).status_code == 404


def test_the_trail_is_exported_and_verified_on_the_command_line(
    lent_database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", lent_database_url)
    monkeypatch.setenv("LITEHOUSE_ENVIRONMENT", "test")

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(console, words, prog_name="python -m app")
        return done.exit_code, done.output

    assert run("group-create", "editors", "audit.read")[0] == 0
    code, exported = run("audit-export", "--table", "accounts_group", "--since", "2020-01-01")
    [line] = exported.splitlines()
    entry = json.decode(line)
    assert (code, entry["origin"], entry["after"]["name"]) == (0, "command:group-create", "editors")
    hashed = asyncio.run(fetch(lent_database_url, HASH))
    assert [row[0] for row in hashed if row[0] == sha256(b"\0" + line.encode()).digest()]

    code, told = run("audit-verify")
    assert (code, "0 entries under 0 seals" in told) == (0, True)
    assert run("audit-verify", "--head", "7:ab")[0] == 1


async def fetch(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()
