"""What became of a record, whoever changed it: its difference, what it was at a moment, and the way back."""

import re
from collections.abc import Awaitable, Callable

import pytest

from app.domain.accounts.policies import MANAGE_PERMISSIONS
from app.domain.audit.services import READ_TRAIL
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser

Enter = Callable[..., Awaitable[Browser]]

pytestmark = pytest.mark.usefixtures("offered")


@pytest.fixture
async def admin(staff: Enter) -> Browser:
    return await staff(is_superuser=True)


async def test_changes_by_hand_and_by_others_are_there(admin: Browser, whales: str, aside: Aside, statements):
    path = f"/groups/{whales}"
    await admin.submit(await admin.page(f"{path}/edit"), f"{path}/edit", name="Great whales")
    await (await aside.connection()).execute("UPDATE accounts_group SET name = 'Small whales'")
    with statements(at_most=14):
        history = of_history(await admin.page(path))
    assert re.findall(r"<del[^>]*>([^<]*)</del>", history)[:2] == ["Great whales", "Whales"]
    assert re.findall(r"<ins[^>]*>([^<]*)</ins>", history)[:2] == ["Small whales", "Great whales"]
    assert "sql:" in history
    assert "reader-" in history  # the name of who used the form


async def test_a_record_is_shown_as_it_was(admin: Browser, whales: str, aside: Aside):
    connection = await aside.connection()
    await connection.execute("UPDATE accounts_group SET name = 'Great whales'")
    moment = (await connection.fetchval("SELECT clock_timestamp() AT TIME ZONE 'UTC'")).isoformat()
    await connection.execute("UPDATE accounts_group SET name = 'Small whales'")
    page = await admin.page(f"/groups/{whales}?as_of={moment}")
    assert '<td class="break-words">Great whales</td>' in page
    assert "<ins>Small whales</ins>" in page
    assert "It was not there then" in await admin.page(f"/groups/{whales}?as_of=2000-01-01T00:00")
    assert "must be a date and a time" in await admin.page(f"/groups/{whales}?as_of=yesterday", 422)


async def test_who_may_not_see_the_trail_sees_no_history(staff: Enter, whales: str):
    keeper = await staff(MANAGE_PERMISSIONS)
    assert 'id="panel-history"' not in await keeper.page(f"/rules/{whales}")
    await keeper.page(f"/rules/{whales}?as_of=2000-01-01T00:00", 404)
    reader = await staff(MANAGE_PERMISSIONS, READ_TRAIL)
    assert 'id="panel-history"' in await reader.page(f"/rules/{whales}")
    assert "Back to before this" not in await reader.page(f"/rules/{whales}")


def of_history(page: str) -> str:
    return page[page.index('id="panel-history"') :]
