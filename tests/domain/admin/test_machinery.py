"""The pages of the machinery from outside: what they show, to whom, and what one does there."""

from collections.abc import Awaitable, Callable

import pytest

from tests.domain.admin.conftest import Browser

Enter = Callable[..., Awaitable[Browser]]


@pytest.mark.parametrize("name", ["sessions", "jobs", "schedules", "webhooks", "events", "mail", "health", "migrations", "settings"])
async def test_page(staff: Enter, statements, name):
    b = await staff(is_superuser=True)
    await b.page("/")
    with statements() as sent:
        html = await b.page(f"/-/{name}")
    print("\n".join(sent))
    __import__("pathlib").Path(f"/tmp/m_{name}.html").write_text(html)
