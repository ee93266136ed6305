"""What is personal in the trail can be read while the person is there, and by nobody afterwards; the seals hold."""

from collections.abc import Callable
from uuid import uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from app.domain.audit.module import unopened
from app.platform.database.pools import Database
from tests.conftest import SignedIn
from tests.domain.audit.conftest import AUDIT, Look, Seal, forge

WHERE_TEXT_IS = """
SELECT j::text FROM audit_journal j UNION ALL SELECT e::text FROM audit_entry e
UNION ALL SELECT q::text FROM audit_personal_pending q
UNION ALL SELECT p::text FROM audit_personal p UNION ALL SELECT k::text FROM audit_key k
"""
NAMES = ("ahab", "moby@example.com", "Pequod")


async def history(client: httpx.AsyncClient, root: SignedIn, user: object) -> list[dict]:
    return (await client.get(f"{AUDIT}/accounts_user/{user}", auth=root)).json()["items"]


def values(entry: dict) -> dict[str, tuple]:
    return {one["column"]: (one["before"], one["after"], one["shown"]) for one in entry["changes"]}


@pytest.mark.parametrize("is_sealed_first", [True, False], ids=["sealed", "still waiting"])
async def test_a_person_who_is_gone_can_be_read_by_nobody(
    client: httpx.AsyncClient,
    raw: asyncpg.Connection,
    sign_in: Callable,
    seal: Seal,
    verified: Look,
    is_sealed_first: bool,
):
    root, ahab = await sign_in("root", is_superuser=True), await sign_in("ahab")
    change = "UPDATE accounts_user SET email = 'moby@example.com', bio = 'of the Pequod', is_staff = true WHERE id = $1"
    await raw.execute(change, ahab.id)
    await raw.execute("UPDATE accounts_token SET device = 'Pequod' WHERE user_id = $1", ahab.id)
    if is_sealed_first:
        await seal()
        texts = "".join(row[0] for row in await raw.fetch(WHERE_TEXT_IS))
        assert not [name for name in NAMES if name in texts]

    latest, first = await history(client, root, ahab.id)
    assert values(latest) == {
        "email": ("ahab@example.com", "moby@example.com", "personal"),
        "bio": (None, "of the Pequod", "personal"),
        "is_staff": (False, True, "plain"),
    }
    assert values(first)["username"] == (None, "ahab", "personal")
    assert values(first)["password"] == (None, None, "masked")

    await raw.execute("DELETE FROM accounts_user WHERE id = $1", ahab.id)
    texts = "".join(row[0] for row in await raw.fetch(WHERE_TEXT_IS))
    assert not [name for name in NAMES if name in texts]
    gone, latest, _ = await history(client, root, ahab.id)
    assert (gone["operation"], values(gone)["email"]) == ("delete", (None, None, "unreadable"))
    assert values(latest) == {
        "email": (None, None, "unreadable"),
        "bio": (None, None, "unreadable"),
        "is_staff": (False, True, "plain"),
    }
    await seal()
    assert (await verified())[0] == []
    assert await raw.fetchval("SELECT key FROM audit_key WHERE person = $1", ahab.id) is None


async def test_a_person_whose_id_is_changed_leaves_no_key_behind(
    raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    new = uuid4()
    made = "INSERT INTO accounts_user (username, email, password) VALUES ('ahab', 'ahab@example.com', '!') RETURNING id"
    old = await raw.fetchval(made)
    await seal()
    await raw.execute("UPDATE accounts_user SET id = $1 WHERE id = $2", new, old)
    await seal()
    assert await raw.fetchval("SELECT key FROM audit_key WHERE person = $1", old) is None
    await raw.execute("DELETE FROM accounts_user WHERE id = $1", new)
    assert await raw.fetchval("SELECT count(*) FROM audit_key WHERE key IS NOT NULL") == 0
    assert (await verified())[0] == []


async def test_of_somebody_whose_key_was_destroyed_nothing_is_kept_any_more(
    raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    """Were it kept, a key would be made anew."""
    ann = await sign_in("ann")
    await raw.execute("INSERT INTO audit_key (person, destroyed_at) VALUES ($1, now())", ann.id)
    await raw.execute("UPDATE accounts_user SET bio = 'x'")
    await seal()
    assert await raw.fetchval("SELECT count(*) FROM audit_personal") == 0
    assert (await verified())[0] == []


@pytest.mark.parametrize("is_given_up", [False, True], ids=["it comes back", "it is given up"])
async def test_a_key_that_does_not_open_holds_up_its_own_values_alone(
    app: Litestar,
    database: Database,
    raw: asyncpg.Connection,
    client: httpx.AsyncClient,
    sign_in: Callable,
    seal: Seal,
    verified: Look,
    is_given_up: bool,
):
    ann, bea = await sign_in("ann"), await sign_in("bea")
    root = await sign_in("root", is_superuser=True)
    await seal()
    key = await raw.fetchval("SELECT key FROM audit_key WHERE person = $1", ann.id)
    await raw.execute("UPDATE audit_key SET key = 'broken' WHERE person = $1", ann.id)
    await raw.execute("UPDATE accounts_user SET bio = 'of the Pequod'")
    with capture_logs() as logged:
        await seal()
    errors = [line["person"] for line in logged if line["log_level"] == "error"]
    assert str(ann.id) in errors
    assert set(errors) == {str(ann.id)}
    assert [row[0] for row in await raw.fetch("SELECT person FROM audit_personal_pending")] == [ann.id]
    [told] = await unopened(app.state.settings, database)
    assert str(ann.id) in told
    assert "1 entries" in told
    found, progress = await verified()
    assert (found, progress.unsealed) == ([], 0)

    if is_given_up:
        await raw.execute("DELETE FROM audit_key WHERE person = $1", ann.id)
    else:
        await raw.execute("UPDATE audit_key SET key = $2 WHERE person = $1", ann.id, key)
    await raw.execute("UPDATE accounts_user SET bio = 'of Nantucket' WHERE id = $1", bea.id)
    await seal()
    assert await raw.fetchval("SELECT count(*) FROM audit_personal_pending") == 0
    assert await unopened(app.state.settings, database) == []
    assert (await verified())[0] == []
    latest, *_ = await history(client, root, ann.id)
    assert values(latest)["bio"] == (None, "of the Pequod", "personal")
    [position] = await raw.fetch("SELECT max(position) FROM audit_personal WHERE person = $1", ann.id)
    for forgery in (
        "UPDATE audit_personal SET ciphertext = 'x' WHERE position = {}",
        "DELETE FROM audit_personal WHERE position = {}",
    ):
        await forge(raw, forgery.format(position[0]))
        assert [
            fault for fault in (await verified())[0] if f"entry {position[0]} (" in fault and "was changed" in fault
        ]


async def test_what_a_broken_key_held_up_goes_with_the_person(
    raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    ahab = await sign_in("ahab")
    await seal()
    await raw.execute("UPDATE audit_key SET key = 'broken'")
    await raw.execute("UPDATE accounts_user SET bio = 'of the Pequod'")
    await seal()
    assert "Pequod" in "".join(row[0] for row in await raw.fetch(WHERE_TEXT_IS))
    await raw.execute("DELETE FROM accounts_user WHERE id = $1", ahab.id)
    texts = "".join(row[0] for row in await raw.fetch(WHERE_TEXT_IS))
    assert not [name for name in NAMES if name in texts]
    await seal()
    assert (await verified())[0] == []


async def test_personal_values_that_no_seal_is_over_are_found(
    raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    await sign_in("ann")
    await raw.execute("INSERT INTO accounts_group (name) VALUES ('a')")
    await seal()
    await raw.execute(
        "INSERT INTO audit_personal (position, at, person, ciphertext)"
        " SELECT position, at, uuidv7(), 'x' FROM audit_entry WHERE relation = 'accounts_group'"
    )
    [fault] = (await verified())[0]
    assert "what is personal in it is under no seal" in fault


async def test_with_the_table_of_persons_all_keys_go(
    raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    await sign_in("ann")
    await seal()
    await sign_in("bea")
    await raw.execute("TRUNCATE accounts_user CASCADE")
    assert await raw.fetchval("SELECT count(*) FROM audit_key WHERE key IS NOT NULL") == 0
    assert await raw.fetchval("SELECT count(*) FROM audit_trail WHERE person IS NOT NULL") == 0
    await seal()
    assert (await verified())[0] == []
