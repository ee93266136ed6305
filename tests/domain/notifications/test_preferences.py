"""What users want to be told of, and by which channels: of each kind, where they want it otherwise than it is."""

import pytest

from app.platform.module import Module
from tests.conftest import Aside
from tests.domain.notifications.conftest import SIGHTED, SUNG, Tell
from tests.domain.notifications.inbox import DEFAULTS, PREFERENCES, texts

STORED = "SELECT kind, inbox, mail FROM notifications_preference"
WAITING = "SELECT to_mail FROM notifications_notification WHERE to_mail IS NOT NULL"


async def test_each_kind_has_its_defaults_until_one_chooses_and_only_what_differs_is_kept(
    client, sign_in, choose, statements, aside: Aside
):
    ann, bea, connection = await sign_in("ann"), await sign_in("bea"), await aside.connection()
    with statements(at_most=2):  # with that of the token
        listed = await client.get(PREFERENCES, auth=ann)
    assert listed.json() == {"items": DEFAULTS}

    with statements(at_most=4):  # the token, BEGIN, the change, COMMIT
        chosen = await choose(ann, SIGHTED, inbox=True, mail="digest")
    assert chosen.json() == {**DEFAULTS[0], "mail": "digest"}
    assert [tuple(row) for row in await connection.fetch(STORED)] == [("whales.sighted", None, "digest")]
    assert (await client.get(PREFERENCES, auth=ann)).json() == {"items": [chosen.json(), DEFAULTS[1]]}
    assert (await client.get(PREFERENCES, auth=bea)).json() == {"items": DEFAULTS}

    assert (await choose(ann, SIGHTED, inbox=True, mail="none")).json() == DEFAULTS[0]
    assert await connection.fetch(STORED) == []


async def test_one_is_told_by_the_channels_that_one_chose(client, verified, choose, tell: Tell, aside: Aside):
    ann, connection = await verified("ann"), await aside.connection()
    await choose(ann, SIGHTED, inbox=False, mail="none")
    await tell(ann)
    await choose(ann, SUNG, inbox=True, mail="digest")
    await tell(ann, SUNG, "sang")
    assert await texts(client, ann) == ["sang"]
    assert await connection.fetchval("SELECT count(*) FROM notifications_notification") == 1

    await choose(ann, SUNG, inbox=True, mail="none")
    assert await connection.fetch(WAITING) == [], "what was to be mailed is not any more"


@pytest.mark.parametrize(
    ("kind", "choice", "status", "fields"),
    [
        ("dodos.seen", {"inbox": True, "mail": "none"}, 404, None),
        ("whales.sighted", {"inbox": 1, "mail": "weekly"}, 422, {"inbox", "mail"}),
        ("whales.sighted", {"inbox": True}, 422, {"mail"}),
    ],
    ids=["no such kind", "no such channel", "a channel left out"],
)
async def test_what_cannot_be_chosen(client, sign_in, kind, choice, status, fields):
    answer = await client.put(f"{PREFERENCES}/{kind}", json=choice, auth=await sign_in("ann"))
    assert answer.status_code == status
    assert fields is None or answer.json()["errors"].keys() == fields


async def test_a_kind_is_called_after_its_module():
    with pytest.raises(ValueError, match=r"whales\.sighted: a kind of dodos is called dodos\.…"):
        Module(name="dodos", summary="Dodos", kinds=[SIGHTED])
