"""What the dialog says that asks whether articles are to be deleted: what goes along, as far as one may see it."""

from collections.abc import Awaitable, Callable
from typing import Any

from app.domain.publishing.policies import RETRACT_ANY_COMMENT, REVISE_ANY_ARTICLE
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser, staff, told  # noqa: F401 - a fixture

Enter = Callable[..., Awaitable[Browser]]
FILL = """
INSERT INTO publishing_article (slug, title, description, body, author_id)
SELECT 'whale-' || n, 'Whale ' || n, 'd', 'b', id FROM accounts_user, generate_series(1, 3) AS n;
INSERT INTO publishing_comment (article_id, author_id, body) SELECT id, author_id, n
FROM publishing_article, generate_series(1, 60) AS n;
INSERT INTO publishing_tagging (article_id, tag, position) SELECT id, 'sea', 1 FROM publishing_article
"""


async def test_who_deletes_is_told_what_goes_along(staff: Enter, aside: Aside, statements: Any):  # noqa: F811
    chief, raw = await staff(is_superuser=True), await aside.connection()
    await raw.execute(FILL)
    keys = [row["id"] for row in await raw.fetch("SELECT id FROM publishing_article ORDER BY id")]
    one, every = f"/articles/{keys[0]}/delete", "/articles/action/delete?everything=1"
    await chief.page("/articles")
    with statements(at_most=8):  # who asks, and may; the article, and all kinds at once; two transactions
        part = await chief.page(one)
    assert "<html" not in part
    assert told(part) == ["going Comments: 60", "going publishing_document: 1", "going Tags: 1"]
    assert told(await chief.page(f"/articles/action/delete?keys={keys[0]}&keys={keys[1]}"))[0] == "going Comments: 100+"
    assert "going Tags: 3" in told(await chief.page(every))
    assert "going Tags: 1" in told(await chief.page(f"{every}&q=whale-2"))
    assert "Nothing else goes along" in await chief.page(f"{every}&q=whale-9")
    assert "must be" in await chief.page(f"{every}&author=ann", 422)

    editor, keeper = await staff(REVISE_ANY_ARTICLE), await staff(RETRACT_ANY_COMMENT)
    assert told(await editor.page(one)) == ["going Tags: 1", "going what you may not see"]
    await keeper.page(one, 404)
    await keeper.page(every, 404)
    editor.headers["Accept-Language"] = "de"
    assert "Das geht mit:" in await editor.page(one)
