"""The page of the whole trail, and of the moments, numbers and names on it in German."""

import re
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.domain.accounts.policies import MANAGE_PERMISSIONS
from app.domain.audit.permissions import READ_TRAIL
from tests.domain.admin.conftest import Browser, staff

__all__ = ["staff"]

Enter = Callable[..., Awaitable[Browser]]
CALLED = "SELECT set_config('litehouse.caller', $1, true)"  # until the transaction ends
WHALES = "INSERT INTO accounts_group (name) VALUES ('Whales') RETURNING id::text, created_at"
GROUPS = "INSERT INTO accounts_group (name) SELECT 'Sailors ' || n FROM generate_series(1, 60) n RETURNING id"
WHERE = "/-/trail"
TIMES = re.compile(r"<time[^>]*>([^<]+)</time>")


@pytest.fixture
async def reader(staff: Enter) -> Browser:
    return await staff(READ_TRAIL, MANAGE_PERMISSIONS)


def keys(page: str) -> list[str]:
    """The records that a page of the trail tells of, in its order."""
    return re.findall(r"wrap-anywhere font-mono text-label[^>]*>([^<]+)<", page)


async def test_it_is_for_those_who_may_read_it(staff: Enter, reader: Browser):
    stranger = await staff(MANAGE_PERMISSIONS)
    await stranger.page(WHERE, 404)
    assert WHERE not in await stranger.page("/")
    assert f"/admin{WHERE}" in await reader.page("/")


async def test_pages_go_on_by_key_with_as_many_statements(reader: Browser, raw: asyncpg.Connection, statements):
    made = [str(row[0]) for row in await raw.fetch(GROUPS)]
    with statements(at_most=3) as sent:  # who asks, what they may, and the entries; nobody's names
        first = await reader.page(f"{WHERE}?table=accounts_group")
    assert keys(first) == made[:9:-1]
    onward = re.search(r'href="/admin(/-/trail\?[^"]*after=[^"]+)"', first)
    assert onward
    with statements(at_most=len(sent)):
        second = await reader.page(onward[1].replace("&amp;", "&"))
    assert keys(second) == made[9::-1]
    assert f'href="/admin/groups/{made[0]}"' in second
    assert f"{WHERE}?table=accounts_group&amp;key={made[0]}" in second
    assert "is not a cursor of this list" in await reader.page(f"{WHERE}?after=x", 422)


async def test_each_filter_finds_what_it_says(reader: Browser, raw: asyncpg.Connection):
    request = uuid4()
    async with raw.transaction():
        await raw.execute(CALLED, f"{reader.user.id} {request} request")
        [mine] = await raw.fetch(WHALES)
    [other] = await raw.fetch("INSERT INTO accounts_group (name) VALUES ('Seals') RETURNING id::text")
    await raw.execute("UPDATE accounts_group SET name = 'Small seals' WHERE name = 'Seals'")
    noon = await raw.fetchval("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    await raw.execute("DELETE FROM accounts_group WHERE name = 'Small seals'")

    async def found(**filters: object) -> list[tuple[str, str]]:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        page = await reader.page(f"{WHERE}?table=accounts_group&{query}")
        return list(zip(re.findall(r'class="pill[^>]*>(\w+)<', page), keys(page), strict=True))

    whales, seals = mine[0], other[0]
    name = await raw.fetchval("SELECT username FROM accounts_user WHERE id = $1", UUID(str(reader.user.id)))
    everything = [("deleted", seals), ("changed", seals), ("created", seals), ("created", whales)]
    assert await found() == everything
    assert await found(key=seals) == everything[:3]
    assert await found(operation="update") == everything[1:2]
    assert await found(since=noon.isoformat()) == everything[:1]
    assert await found(until=noon.isoformat()) == everything[1:]
    assert (
        await found(request=request) == await found(actor=name) == await found(actor=reader.user.id) == everything[3:]
    )
    assert await found(actor=uuid4()) == []


async def test_filters_that_cannot_be_are_refused_by_name(reader: Browser):
    wrong = "table=ships&key=7&operation=sink&actor=nobody&since=yesterday&until=2026-13-01"
    page = await reader.page(f"{WHERE}?{wrong}", 422)
    refusals = dict(re.findall(r'id="wrong-(\w+)"[^>]*>([^<]+)<', page))
    assert refusals == {
        "table": "is not recorded",
        "key": "goes with the model alone: empty the other filters",
        "operation": "must be one of insert, update, delete, truncate",
        "actor": "not found",
        "since": "must be a date and a time",
        "until": "must be a date and a time",
    }
    assert 'value="yesterday"' in page
    assert "choose it too" in await reader.page(f"{WHERE}?key=7", 422)
    reader.headers["Accept-Language"] = "de"
    page = await reader.page(f"{WHERE}?{wrong}", 422)
    assert "muss eines von insert, update, delete, truncate sein" in page
    assert "wird nicht aufgezeichnet" in page


async def test_it_speaks_german(reader: Browser, raw: asyncpg.Connection):
    reader.headers["Accept-Language"] = "de"
    async with raw.transaction():
        await raw.execute(CALLED, f"{reader.user.id} {uuid4()} command:flush")
        [(_, at)] = await raw.fetch(WHALES)
    page = await reader.page(f"{WHERE}?table=accounts_group")
    for text in (
        "Änderungen",
        "angelegt",
        "Befehl flush",
        f"{at:%d.%m.%Y %H:%M:%S}",
        "Alle Einträge zu diesem Datensatz",
    ):
        assert text in page
    assert all(re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", text) for text in TIMES.findall(page))
