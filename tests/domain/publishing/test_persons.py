"""What a person published can be read in the trail while the person is there, and by nobody afterwards."""

from collections.abc import Callable

import asyncpg
import httpx

from tests.domain.audit.conftest import AUDIT, Look, Seal, raw, recorded, seal, verified
from tests.domain.audit.test_persons import NAMES, WHERE_TEXT_IS, values

__all__ = ["raw", "recorded", "seal", "verified"]


async def test_what_a_person_wrote_goes_with_the_person(
    client: httpx.AsyncClient, raw: asyncpg.Connection, sign_in: Callable, seal: Seal, verified: Look
):
    root, ahab, ann = await sign_in("root", is_superuser=True), await sign_in("ahab"), await sign_in("ann")
    draft = {"title": "The Pequod", "description": "a Pequod", "body": "of the Pequod", "tagList": []}
    await client.post("/api/articles", json={"article": draft}, auth=ahab)
    await client.put("/api/articles/the-pequod", json={"article": {"body": "Pequod, sunk"}}, auth=ahab)
    said = {"comment": {"body": "moby@example.com"}}
    assert (await client.post("/api/articles/the-pequod/comments", json=said, auth=ahab)).status_code == 201
    await raw.execute("UPDATE accounts_token SET name = 'Pequod' WHERE user_id = $1", ahab.id)
    article = await raw.fetchval("SELECT id::text FROM publishing_article")
    path = f"{AUDIT}/publishing_article/{article}"

    changed, made = (await client.get(path, auth=root)).json()["items"]
    assert values(changed)["body"] == ("of the Pequod", "Pequod, sunk", "personal")
    await seal()
    assert (await client.get(path, auth=root)).json()["items"] == [changed, made]
    # What another writes from now on is not in the former one's hand: the row is gone from the one, and the other's.
    await raw.execute("UPDATE publishing_article SET author_id = $1, title = 'A Pequod of mine'", ann.id)
    theirs, his, *_ = (await client.get(path, auth=root)).json()["items"]
    assert [(one["operation"], values(one)["body"][2]) for one in (theirs, his)] == [
        ("insert", "personal"),
        ("delete", "personal"),
    ]
    await seal()
    await raw.execute("DELETE FROM accounts_user WHERE id = $1", ahab.id)
    theirs, his, *_ = (await client.get(path, auth=root)).json()["items"]
    assert values(theirs)["title"] == (None, "A Pequod of mine", "personal")
    assert values(his)["title"] == (None, None, "unreadable")
    back = await client.post(f"{path}/revert", json={"position": his["position"]}, auth=root)
    assert (back.status_code, "nobody can read" in back.json()["detail"]) == (409, True)

    await raw.execute("DELETE FROM accounts_user WHERE id = $1", ann.id)
    await seal()
    texts = "".join(row[0] for row in await raw.fetch(WHERE_TEXT_IS)).lower()
    assert not [name for name in NAMES if name.lower() in texts]
    assert (await verified())[0] == []


async def test_many_who_change_hands_at_once_keep_their_own(
    raw: asyncpg.Connection, sign_in: Callable, recorded: Callable
):
    """Of each row first what is gone, and then what is there: in this order the row is rebuilt."""
    ann, bea = await sign_in("ann"), await sign_in("bea")
    made = "INSERT INTO publishing_article (slug, title, description, body, author_id) VALUES ($1, $1, '', '', $2)"
    await raw.executemany(made, [("a", ann.id), ("b", ann.id), ("c", bea.id)])
    await raw.execute("UPDATE publishing_article SET author_id = $1, description = title", bea.id)
    last = (await recorded("position, key, operation"))[-5:]
    assert sorted(one[2] for one in last) == ["delete", "delete", "insert", "insert", "update"]
    in_order = [one[2] for one in sorted(last, key=lambda one: (one[1], one[0])) if one[2] != "update"]
    assert in_order == ["delete", "insert", "delete", "insert"]
    rows = await raw.fetch("SELECT position, person, personal_before, personal_after FROM audit_trail")
    whose = {"delete": (ann.id, True, False), "insert": (bea.id, False, True), "update": (bea.id, True, True)}
    kept = {(position, person, bool(before), bool(after)) for position, person, before, after in rows}
    assert kept >= {(position, *whose[operation]) for position, _, operation in last}
