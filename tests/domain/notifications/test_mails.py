"""What is mailed: once, to those who asked for it and have confirmed their address; and the way out of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.notifications import jobs, mailing
from app.domain.notifications.jobs import send_digests
from app.domain.notifications.mailing import MARGIN, MINUTE, MOST_LISTED, mail_at_once, mail_digest
from app.domain.notifications.module import unsealed
from config.settings import load
from tests.conftest import Aside, Outbox
from tests.domain.notifications.conftest import SIGHTED, SUNG, Tell
from tests.domain.notifications.inbox import DEFAULTS, INBOX, PREFERENCES, texts

JOBS = (mail_at_once, mail_digest, send_digests)
DUE = "SELECT name, due_at, now() FROM platform_job"


async def test_a_digest_has_what_was_not_read_and_is_mailed_once(
    client, verified, sign_in, tell: Tell, choose, do: Callable, work_off: Callable, outbox: Outbox, monkeypatch
):
    monkeypatch.setattr(jobs, "READERS_AT_ONCE", 1)
    ann, bea, eve = await verified("ann"), await verified("bea"), await sign_in("eve")
    for who in (ann, bea, eve):
        await choose(who, SIGHTED, inbox=True, mail="digest")
        await tell(who, text="sighted\n\na <b>whale</b>", actor=(bea if who is ann else ann).id)
    await tell(ann, SUNG, "A whale sang")
    await tell(bea, text="read before")
    newest = (await client.get(INBOX, auth=bea)).json()["items"][0]["id"]
    await client.put(f"{INBOX}/{newest}/reading", auth=bea)

    await do(send_digests)
    assert sorted(await work_off(*JOBS)) == ["notifications.mail_digest"] * 2 + ["notifications.send_digests"] * 2

    assert sorted(outbox.subjects) == ["1 new notification", "2 new notifications"], "eve's address is not confirmed"
    [mail] = outbox.to(ann.email)
    assert mail.text.startswith("bea sighted a <b>whale</b>\n\nA whale sang\n\nDo not mail me")
    assert "<p>bea sighted a &lt;b&gt;whale&lt;/b&gt;</p>" in mail.html
    assert "read before" not in outbox.to(bea.email)[0].text

    await do(send_digests)
    await do(mail_digest, user=ann.id)
    assert await work_off(*JOBS) == []
    assert len(outbox) == 2, "each was mailed once"
    assert send_digests.treatment.schedule == "0 7 * * *"


async def test_what_was_to_be_mailed_at_once_and_was_not_is_in_the_next_digest(
    verified, tell: Tell, choose, do: Callable, work_off: Callable, outbox: Outbox, aside: Aside
):
    """The job that should have mailed it was given up; until the next one of that user, nothing else would."""
    ann, bea = await verified("ann"), await verified("bea")
    for who in (ann, bea):
        await choose(who, SIGHTED, inbox=True, mail="at_once")
        await tell(who)
    connection = await aside.connection()
    await connection.execute("UPDATE platform_job SET state = 'dead', ended_at = now()")
    await connection.execute("DELETE FROM platform_job WHERE state = 'dead'")
    left = "UPDATE notifications_notification SET created_at = now() - interval '3 hours' WHERE user_id = $1"
    await connection.execute(left, ann.id)
    await do(send_digests)
    await work_off(*JOBS)
    assert [mail.to for mail in outbox.to(ann.email)] == [ann.email]
    assert outbox.to(bea.email) == [], "its job may be at it yet"


async def test_a_long_digest_names_the_newest_and_counts_the_others(
    verified, tell: Tell, do: Callable, outbox: Outbox, aside: Aside
):
    ann = await verified("ann")
    await (await aside.connection()).execute(
        "INSERT INTO notifications_notification (user_id, kind, cause, text, to_mail)"
        " SELECT $1, 'whales.sung', uuidv4(), 'song ' || n, 'digest' FROM generate_series(1, $2) AS n",
        ann.id,
        MOST_LISTED + 2,
    )
    await do(mail_digest, user=ann.id)
    [mail] = outbox.to(ann.email)
    assert mail.subject == f"{MOST_LISTED + 2} new notifications"
    assert mail.text.startswith("2 more, and:\n\nsong 3\n\nsong 4\n\n")


async def test_what_is_mailed_at_once_is_one_mail_a_minute(
    verified, tell: Tell, choose, work_off: Callable, outbox: Outbox, aside: Aside
):
    ann, connection = await verified("ann"), await aside.connection()
    await choose(ann, SIGHTED, inbox=True, mail="at_once")
    await tell(ann, SUNG, "is for the digest")
    for number in range(10):
        await tell(ann, text=f"whale {number}")

    waiting = await connection.fetch(DUE)
    assert len(waiting) <= 2, "of this minute, and of the next where it has begun meanwhile"
    for name, due, now in waiting:
        assert name == "notifications.mail_at_once"
        assert timedelta(0) < due - now <= timedelta(seconds=MINUTE + MARGIN)
    await work_off(*JOBS)
    assert outbox.subjects == ["10 new notifications"]
    assert "is for the digest" not in outbox.to(ann.email)[0].text


async def test_what_was_read_or_is_of_somebody_whose_address_changed_is_not_mailed(
    client, verified, tell: Tell, choose, do: Callable, outbox: Outbox, aside: Aside
):
    ann, bea = await verified("ann"), await verified("bea")
    for who in (ann, bea):
        await choose(who, SIGHTED, inbox=True, mail="at_once")
        await tell(who)
    await client.post(f"{INBOX}/readings", json={"upTo": str(UUID(int=2**128 - 1))}, auth=ann)
    await (await aside.connection()).execute("UPDATE accounts_user SET email_verified_at = NULL WHERE id = $1", bea.id)
    for who in (ann, bea):
        await do(mail_at_once, user=who.id, minute=1)
        await do(mail_digest, user=who.id)
    assert len(outbox) == 0
    assert await texts(client, bea, unread=True) == ["saw a whale"]


async def test_a_mail_that_cannot_be_written_is_not_lost(
    verified, tell: Tell, do: Callable, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    ann = await verified("ann")
    await tell(ann, SUNG)
    with monkeypatch.context() as patch:
        patch.setattr(mailing.LETTERS, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await do(mail_digest, user=ann.id)
    await do(mail_digest, user=ann.id)
    assert outbox.subjects == ["1 new notification"]


async def link_in(outbox: Outbox, address: str) -> str:
    return re.search(r"https?://\S+?(/account/unsubscribe\?token=\S+)", outbox.to(address)[-1].text)[1]


@pytest.mark.parametrize("by_page", [True, False], ids=["by the page", "by the API"])
async def test_the_link_in_a_mail_ends_it_without_signing_in(
    client, verified, tell: Tell, choose, do: Callable, outbox: Outbox, by_page: bool
):
    ann = await verified("ann")
    await choose(ann, SIGHTED, inbox=True, mail="digest")
    await tell(ann)
    await do(mail_digest, user=ann.id)
    await tell(ann, SUNG)
    link = await link_in(outbox, ann.email)

    if by_page:
        shown = await client.get(link)
        [action] = re.findall(r'<form method="post" action="([^"]+)"', shown.text)
        assert shown.headers["referrer-policy"] == "no-referrer"
        assert (await client.get(PREFERENCES, auth=ann)).json()["items"][1] == DEFAULTS[1], "to look changes nothing"
        one_click = {"List-Unsubscribe": "One-Click"}
        done = await client.post(f"/account/unsubscribe{action}", data=one_click)
        assert (done.status_code, "mailed no notifications" in done.text) == (200, True)
    else:
        done = await client.post(f"{INBOX}/unsubscriptions", json={"token": link.partition("=")[2]})
        assert done.status_code == 204

    mails = {one["kind"]: one["mail"] for one in (await client.get(PREFERENCES, auth=ann)).json()["items"]}
    assert mails == {"whales.sighted": "none", "whales.sung": "none"}
    await do(mail_digest, user=ann.id)
    assert len(outbox) == 1, "what waited is not mailed either"


@pytest.mark.parametrize("token", ["x", "é", "AQ" * 60, "A" * 66], ids=["short", "not ASCII", "foreign", "made up"])
async def test_no_other_token_is_taken(client, token: str):
    refused = await client.post(f"{INBOX}/unsubscriptions", json={"token": token})
    assert (refused.status_code, refused.json()["errors"]) == (422, {"token": ["is not that of a mail's link"]})
    assert (await client.post("/account/unsubscribe", params={"token": token})).status_code == 410


async def test_a_link_of_a_user_who_is_gone_does_nothing(client, verified, tell: Tell, do, outbox, aside: Aside):
    ann = await verified("ann")
    await tell(ann, SUNG)
    await do(mail_digest, user=ann.id)
    link = await link_in(outbox, ann.email)
    await (await aside.connection()).execute("DELETE FROM accounts_user WHERE id = $1", ann.id)
    assert (await client.post(link)).status_code == 200


async def test_production_is_told_that_mail_needs_a_key(database, settings):
    environ = {"DATABASE_URL": "postgresql://nobody@localhost/nothing", "LITEHOUSE_ENVIRONMENT": "production"}
    silent, keys = load(env_file=None, environ=environ), {"LITEHOUSE_SECRET_KEYS": "k" * 40}
    kept = load(env_file=None, environ=environ | keys)
    mailing = [replace(one, mail=settings.mail) for one in (silent, kept)]
    assert [bool(await unsealed(one, database)) for one in (silent, *mailing, settings)] == [False, True, False, False]
