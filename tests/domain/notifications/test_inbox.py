"""An inbox: what a user was told, once each, and what they do about it; what others were told is not there."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from app.domain.notifications.jobs import READ_DAYS, ROWS_AT_ONCE, clear_notifications
from app.domain.notifications.module import module
from app.domain.notifications.services import forget_read
from app.kit.news import Kind
from app.platform.database.pools import Database
from tests.conftest import Aside
from tests.domain.accounts.factories import PASSWORD, PASSWORD_HASH
from tests.domain.notifications.conftest import SUNG, Tell
from tests.domain.notifications.inbox import INBOX, texts


async def test_what_one_is_told_is_listed_once_with_who_did_it(client, sign_in, tell: Tell):
    ann, bea = await sign_in("ann"), await sign_in("bea")
    cause = await tell(ann, text="sighted a whale", link="/whales/1", actor=bea.id)
    await tell(ann, text="told twice", cause=cause, actor=bea.id)
    await tell(ann, text="did it herself", actor=ann.id)

    [one] = (await client.get(INBOX, auth=ann)).json()["items"]
    moments = {name: one[name] for name in ("id", "createdAt")}
    assert one == moments | {
        "kind": "whales.sighted",
        "actor": "bea",
        "text": "sighted a whale",
        "link": "/whales/1",
        "readAt": None,
    }
    assert (await client.get(INBOX, auth=bea)).json() == {"items": [], "next": None}


async def test_whoever_is_gone_is_told_nothing_and_of_them_nothing_is_told(client, sign_in, tell: Tell, aside: Aside):
    ann, bea, eve = await sign_in("ann"), await sign_in("bea"), await sign_in("eve")
    await tell(ann, text="by bea", actor=bea.id)
    await tell(ann, text="by nobody")
    await (await aside.connection()).execute("DELETE FROM accounts_user WHERE id = ANY($1)", [bea.id, eve.id])
    await tell(ann, text="by bea, heard late", actor=bea.id)
    await tell(eve, text="to eve")
    assert await texts(client, ann) == ["by nobody"]
    assert await (await aside.connection()).fetchval("SELECT count(*) FROM notifications_notification") == 1


async def test_a_list_goes_on_where_it_ended_by_one_statement_however_long(client, sign_in, tell: Tell, statements):
    ann = await sign_in("ann")
    for number in range(5):
        await tell(ann, text=f"{number}")
    for limit in (1, 100):
        with statements(at_most=2):  # with that of the token
            answer = await client.get(INBOX, params={"limit": limit}, auth=ann)
        assert len(answer.json()["items"]) == min(limit, 5)
    first = (await client.get(INBOX, params={"limit": 3}, auth=ann)).json()
    await tell(ann, text="meanwhile")
    assert [one["text"] for one in first["items"]] == ["4", "3", "2"]
    assert await texts(client, ann, limit=3, after=first["next"]) == ["1", "0"]


async def test_what_is_read_can_be_unread_again(client, sign_in, tell: Tell, statements):
    ann = await sign_in("ann")
    await tell(ann, text="first")
    await tell(ann, text="second")
    newest = (await client.get(INBOX, auth=ann)).json()["items"][0]
    path = f"{INBOX}/{newest['id']}/reading"

    with statements(at_most=4):  # the token, BEGIN, the change, COMMIT
        read = (await client.put(path, auth=ann)).json()
    assert read["readAt"] >= read["createdAt"]
    assert (await client.put(path, auth=ann)).json() == read, "it was read when it was read first"
    assert await texts(client, ann, unread=True) == ["first"]
    assert (await client.get(f"{INBOX}/unread", auth=ann)).json() == {"count": 1}

    assert (await client.delete(path, auth=ann)).json() == newest
    assert await texts(client, ann, unread=True) == ["second", "first"]


async def test_all_is_read_up_to_what_was_seen(client, sign_in, tell: Tell, statements):
    ann, bea = await sign_in("ann"), await sign_in("bea")
    for text in ("one", "two", "three"):
        await tell(ann, text=text)
    await tell(bea, text="hers")
    seen = (await client.get(INBOX, auth=ann)).json()["items"][1]["id"]

    with statements(at_most=4):  # the token, BEGIN, the change, COMMIT
        answer = await client.post(f"{INBOX}/readings", json={"upTo": seen}, auth=ann)

    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    assert await texts(client, ann, unread=True) == ["three"]
    assert await texts(client, bea, unread=True) == ["hers"]


async def test_nobody_counts_beyond_a_thousand(client, sign_in, aside: Aside):
    ann = await sign_in("ann")
    await (await aside.connection()).execute(
        "INSERT INTO notifications_notification (user_id, kind, cause, text)"
        " SELECT $1, 'whales.sighted', uuidv4(), 'x' FROM generate_series(1, 1003)",
        ann.id,
    )
    assert (await client.get(f"{INBOX}/unread", auth=ann)).json() == {"count": 1000}
    oldest = {"upTo": str(UUID(int=0))}
    assert (await client.post(f"{INBOX}/readings", json=oldest, auth=ann)).json() == {"count": 1000}


async def test_what_is_removed_is_gone(client, sign_in, tell: Tell):
    ann = await sign_in("ann")
    await tell(ann)
    path = f"{INBOX}/{(await client.get(INBOX, auth=ann)).json()['items'][0]['id']}"
    assert [(await client.delete(path, auth=ann)).status_code for _ in range(2)] == [204, 404]
    assert await texts(client, ann) == []


async def test_what_others_were_told_and_what_is_to_be_mailed_alone_is_not_there(
    client, sign_in, verified: Callable, tell: Tell, aside: Aside
):
    ann, bea = await verified("ann"), await sign_in("bea")
    await tell(ann)
    await tell(ann, SUNG)
    ids = await (await aside.connection()).fetch("SELECT id FROM notifications_notification ORDER BY in_inbox")
    assert len(ids) == 2
    for who, row in ((bea, ids[0][0]), (bea, ids[1][0]), (ann, ids[0][0]), (ann, uuid4())):
        for method, path in (("PUT", "/reading"), ("DELETE", "/reading"), ("DELETE", "")):
            assert (await client.request(method, f"{INBOX}/{row}{path}", auth=who)).status_code == 404
    assert await texts(client, ann) == ["saw a whale"]
    assert (await client.get(f"{INBOX}/unread", auth=ann)).json() == {"count": 1}


async def test_a_kind_that_no_module_offers_any_more_is_shown_all_the_same(client, sign_in, tell: Tell):
    ann = await sign_in("ann")
    await tell(ann, Kind("dodos.seen", "A dodo was seen"), "saw a dodo")
    assert await texts(client, ann) == ["saw a dodo"]


async def test_all_of_it_is_in_an_export_and_goes_with_the_account(
    client, app, sign_in, tell: Tell, aside: Aside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state, "modules", [*app.state.modules, module])
    ann, bea = await sign_in("ann"), await sign_in("bea")
    await tell(ann, text="sighted a whale", actor=bea.id)
    choice = {"inbox": True, "mail": "digest"}
    assert (await client.put(f"{INBOX}/preferences/whales.sighted", json=choice, auth=ann)).status_code == 200

    held = (await client.get("/api/v1/accounts/me/export", auth=ann)).json()["modules"]["notifications"]

    assert held["preferences"] == [{"kind": "whales.sighted", "inbox": None, "mail": "digest"}]
    [one] = held["notifications"]
    assert (one["text"], one["actor"], one["readAt"]) == ("sighted a whale", "bea", None)
    connection = await aside.connection()
    await connection.execute("UPDATE accounts_user SET password = $1", PASSWORD_HASH)
    gone = await client.post("/api/v1/accounts/me/deletion", json={"password": PASSWORD}, auth=ann)
    assert gone.status_code == 204
    for table in ("notification", "preference"):
        assert await connection.fetchval(f"SELECT count(*) FROM notifications_{table}") == 0


async def test_what_was_read_long_ago_is_deleted_each_night(
    client, sign_in, tell: Tell, do: Callable, database: Database, aside: Aside
):
    ann, connection = await sign_in("ann"), await aside.connection()
    for text in ("old", "older", "read", "unread"):
        await tell(ann, text=text)
    for text, days in (("old", READ_DAYS + 1), ("older", READ_DAYS + 2), ("read", READ_DAYS - 1)):
        await connection.execute(
            "UPDATE notifications_notification SET read_at = now() - make_interval(days => $2) WHERE text = $1",
            text,
            days,
        )
    work = database.unit_of_work()
    cleared = await work.run(lambda: forget_read(work, days=READ_DAYS, limit=1))
    assert (cleared, await texts(client, ann)) == (1, ["unread", "read", "old"]), "so many at once, the oldest"
    await do(clear_notifications)
    assert await texts(client, ann) == ["unread", "read"]
    assert await connection.fetchval("SELECT count(*) FROM platform_job") == 0
    assert ROWS_AT_ONCE > 1
    assert clear_notifications.treatment.schedule == "7 4 * * *"
