"""Sign-ins at the admin site: who, since when, by what; one is ended by who may keep its user out."""

from collections.abc import Awaitable, Callable

from app.domain.accounts.policies import MANAGE_USERS
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser, staff

__all__ = ["staff"]

Enter = Callable[..., Awaitable[Browser]]


async def test_sign_ins_are_seen_and_ended(
    staff: Enter,
    sign_in,
    aside: Aside,
    statements,
):
    manager, nobody, connection = await staff(MANAGE_USERS), await staff(), await aside.connection()
    ann, root, old = await sign_in("ann"), await sign_in("root", is_superuser=True), await sign_in("old")
    await connection.execute("UPDATE accounts_token SET device = 'Ship 1.0', name = NULL WHERE user_id = $1", ann.id)
    await connection.execute("UPDATE accounts_token SET expires_at = now() WHERE user_id = $1", old.id)
    keys = {row["user_id"]: row["id"] for row in await connection.fetch("SELECT user_id, id FROM accounts_token")}
    await nobody.page("/-/sessions", 404)
    with statements(at_most=3):
        shown = await manager.page("/-/sessions")
    for text in (">ann<", "Ship 1.0", ">root<", "this one"):
        assert text in shown
    assert ">old<" not in shown
    assert ">root<" not in await manager.page("/-/sessions?user=Ann")
    assert "Nobody is signed in." in await manager.page("/-/sessions?user=nobody")
    await nobody.deed("/-/jobs", "end", 404, token=keys[ann.id])
    assert "has ended" in await manager.deed("/-/sessions", "end", token=keys[ann.id])
    assert "not found" in await manager.deed("/-/sessions", "end", token=keys[ann.id])
    assert 'role="alert"' in await manager.deed("/-/sessions", "end", token=keys[root.id])
    left = {row["user_id"] for row in await connection.fetch("SELECT user_id FROM accounts_token")}
    assert ann.id not in left
    assert root.id in left
