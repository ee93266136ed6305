"""Lists from outside: pages by key, totals, search, filters, dates, exports, changes to many rows."""

import csv
import io
import json
import re
from collections.abc import Awaitable, Callable
from uuid import UUID

from openpyxl import load_workbook

from app.domain.publishing.policies import REVISE_ANY_ARTICLE
from tests.domain.admin.conftest import Browser

Enter = Callable[..., Awaitable[Browser]]
MADE = """
INSERT INTO publishing_article (slug, title, description, body, author_id, created_at)
SELECT 'whale-' || n, format($2, n), 'd', 'b', $1, '2025-12-31T22:30Z'::timestamptz + n * interval '1 hour'
FROM generate_series(1, $3::int) AS n
"""


async def articles(aside, author: UUID, count: int, title: str = "Whale %s") -> None:
    await (await aside.connection()).execute(MADE, author, title, count)


def titles(html: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"Whale \d+", html)))


def link(html: str, label: str) -> str:
    found = re.search(rf'<a [^>]*?aria-label="{label}"[^>]*?href="([^"]+)"', html, re.S) or re.search(
        rf'<a [^>]*?href="/admin([^"]+)"[^>]*>{label}', html
    )
    assert found, label
    return found[1].replace("&amp;", "&").removeprefix("/admin")


async def test_pages_go_by_key_to_the_end_and_back(sign_in, aside, staff: Enter, statements):
    author, editor = await sign_in(), await staff(REVISE_ANY_ARTICLE)
    await articles(aside, author.id, 60)

    with statements() as sent:
        first = await editor.page("/articles")
    second = await editor.page(link(first, "Next"))
    last = await editor.page(link(first, "Last"))

    assert titles(first) == [f"Whale {n}" for n in range(60, 35, -1)]
    assert titles(second) == [f"Whale {n}" for n in range(35, 10, -1)]
    assert titles(last) == [f"Whale {n}" for n in range(25, 0, -1)]
    assert titles(await editor.page(link(last, "Previous"))) == [f"Whale {n}" for n in range(50, 25, -1)]
    assert "OFFSET" not in " ".join(sent)
    print("\n\n".join(sent))
