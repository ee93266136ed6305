"""Tokens that are asked for by name, what their scopes keep them from, and how all tokens are told apart and ended."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from app.domain.accounts.models import User
from app.domain.accounts.tokens import LONGEST_DEVICE, device_of
from app.platform.database.pools import Database
from tests.domain.accounts.doors import ME, NAMED, TOKENS, USERS, bearer, faults
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, TokenFactory, UserFactory

SIGNED_IN, REVISE = "signed_in", "publishing.revise_any_article"


async def test_a_token_is_made_by_name_and_shown_once(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in()

    answer = await client.post(NAMED, json={"name": " Nightly import ", "days": 7}, auth=me)

    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"{TOKENS}/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert (made["name"], made["scopes"]) == ("Nightly import", None)
    assert (await client.get(ME, headers=bearer(made["token"]))).json()["id"] == str(me.id)
    listed = (await client.get(TOKENS, auth=me)).json()["items"]
    assert [(item["name"], item["current"]) for item in listed] == [("Nightly import", False), (None, True)]
    assert made["token"] not in str(listed)


async def test_nobody_has_more_than_a_hundred(client: httpx.AsyncClient, sign_in: Callable, database_url: str) -> None:
    me = await sign_in()
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute(
        "INSERT INTO accounts_token (user_id, digest, name, expires_at)"
        " SELECT $1, sha256(n::text::bytea), 'x', now() + CASE WHEN n < 99 THEN '1 day' ELSE '0' END::interval"
        " FROM generate_series(0, 120) AS n",
        me.id,
    )
    await elsewhere.close()
    assert (await client.post(NAMED, json={"name": "the hundredth"}, auth=me)).status_code == 201
    one_more = await client.post(NAMED, json={"name": "one more"}, auth=me)
    assert (one_more.status_code, one_more.json()["code"]) == (409, "conflict")
    assert "end one of them first" in one_more.json()["detail"]
    first = (await client.get(TOKENS, auth=me)).json()["items"][0]["id"]
    assert (await client.delete(f"{TOKENS}/{first}", auth=me)).status_code == 204
    assert (await client.post(NAMED, json={"name": "one more"}, auth=me)).status_code == 201


@pytest.mark.parametrize(("days", "kept"), [(None, 90), (1, 1), (365, 365)], ids=["unsaid", "shortest", "longest"])
async def test_a_token_is_good_for_the_days_that_were_asked_for(
    client: httpx.AsyncClient, sign_in: Callable, days: int | None, kept: int
) -> None:
    made = (await client.post(NAMED, json={"name": "x", "days": days}, auth=await sign_in())).json()
    left = datetime.fromisoformat(made["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=kept, minutes=-1) < left <= timedelta(days=kept)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, [("/name", "missing")]),
        ({"name": "  "}, [("/name", "blank")]),
        ({"name": "a\u0007b"}, [("/name", "invisible")]),
        ({"name": "x", "days": 366}, [("/days", "out_of_range")]),
        ({"name": "x", "scopes": [SIGNED_IN, "unlimited"]}, [("/scopes/1", "unknown")]),
        (
            {"name": "\u202e", "days": 366, "scopes": ["no.such"]},
            [("/name", "invisible"), ("/days", "out_of_range"), ("/scopes/0", "unknown")],
        ),
        ({"name": "x", "user_id": "1"}, [("/user_id", "unknown")]),
        ({"name": "x", "expiresAt": "2100-01-01T00:00:00Z"}, [("/expiresAt", "unknown")]),
    ],
    ids=["no name", "blank", "invisible", "too long", "no scope", "all at once", "another's", "its end"],
)
async def test_all_that_is_wrong_with_a_wish_is_said(
    client: httpx.AsyncClient, sign_in: Callable, wish: dict, expected: list[tuple[str, str]]
) -> None:
    answer = await client.post(NAMED, json=wish, auth=await sign_in())
    assert (answer.status_code, faults(answer)) == (422, expected)


@pytest.mark.parametrize(
    "wish",
    [{"name": "x" * 101}, {"name": "x", "days": 0}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["y"] * 51}],
    ids=["name", "days", "no scopes", "scopes"],
)
async def test_a_wish_out_of_bounds_is_refused(client: httpx.AsyncClient, sign_in: Callable, wish: dict) -> None:
    assert (await client.post(NAMED, json=wish, auth=await sign_in())).status_code == 422


async def limited(client: httpx.AsyncClient, owner: httpx.Auth, *scopes: str) -> dict[str, str]:
    """The header of a new token of this owner's that is limited to the scopes."""
    made = await client.post(NAMED, json={"name": "limited", "scopes": [*scopes]}, auth=owner)
    assert made.json()["scopes"] == sorted(scopes)
    return bearer(made.json()["token"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", ME),
        ("POST", NAMED),
        ("DELETE", TOKENS),
        ("DELETE", f"{TOKENS}/others"),
        ("DELETE", f"{TOKENS}/01900000-0000-7000-8000-000000000000"),
        ("PUT", "/api/user"),
    ],
    ids=str,
)
async def test_a_limited_token_comes_to_nothing_more(
    client: httpx.AsyncClient, sign_in: Callable, method: str, path: str
) -> None:
    me = await sign_in(is_superuser=True)
    answer = await client.request(method, path, headers=await limited(client, me, SIGNED_IN, REVISE), json={})
    assert (answer.status_code, answer.json()["errors"]) == (403, {"scope": ["forbidden"]})


async def test_a_limited_token_is_good_for_its_scopes(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in()
    headers, without = await limited(client, me, SIGNED_IN), await limited(client, me, REVISE)

    assert (await client.get(ME, headers=headers)).status_code == 200
    assert (await client.get(ME, headers=without)).status_code == 403
    assert (await client.get("/api/tags", headers=without)).status_code == 200
    assert (await client.delete(f"{TOKENS}/current", headers=headers)).status_code == 204
    assert (await client.get(ME, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "is_superuser", "status"),
    [
        pytest.param([SIGNED_IN, REVISE], True, 200, id="both allow it"),
        pytest.param([SIGNED_IN], True, 403, id="the scopes do not"),
        pytest.param([SIGNED_IN, REVISE], False, 403, id="the user may not"),
        pytest.param([REVISE], True, 403, id="the route is out of reach"),
    ],
)
async def test_a_token_may_what_its_user_and_its_scopes_allow(
    client: httpx.AsyncClient, sign_in: Callable, scopes: list[str], is_superuser: bool, status: int
) -> None:
    author, editor = await sign_in(), await sign_in(is_superuser=is_superuser)
    article = {"title": "Of whales", "description": "d", "body": "b"}
    await client.post("/api/articles", json={"article": article}, auth=author)

    answer = await client.put(
        "/api/articles/of-whales",
        json={"article": {"body": "revised"}},
        headers=await limited(client, editor, *scopes),
    )

    assert answer.status_code == status


async def test_who_was_signed_out_meanwhile_leaves_no_token_behind(
    client: httpx.AsyncClient, sign_in: Callable, database_url: str
) -> None:
    me = await sign_in()
    assert (await client.get(ME, auth=me)).status_code == 200  # known for a second from now
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute("DELETE FROM accounts_token")
    answer = await client.post(NAMED, json={"name": "left behind"}, auth=me)
    assert (answer.status_code, await elsewhere.fetchval("SELECT count(*) FROM accounts_token")) == (401, 0)
    await elsewhere.close()


async def test_a_new_password_ends_named_tokens_too(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in()
    made = (await client.post(NAMED, json={"name": "x"}, auth=me)).json()
    assert (await client.patch(ME, json={"password": "a new and long password"}, auth=me)).status_code == 200
    assert (await client.get(ME, headers=bearer(made["token"]))).status_code == 401


async def test_all_others_are_signed_out(client: httpx.AsyncClient, database: Database, sign_in: Callable) -> None:
    me, other = await sign_in(), await sign_in()
    lost = [await TokenFactory.clear_for(database, User(id=me.id)) for _ in range(2)]

    assert (await client.delete(f"{TOKENS}/others", auth=me)).status_code == 204

    assert [(await client.get(ME, headers=bearer(token))).status_code for token in lost] == [401, 401]
    assert [(await client.get(ME, auth=one)).status_code for one in (me, other)] == [200, 200]


async def test_a_token_that_lies_idle_is_neither_good_nor_listed(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me = await sign_in()
    idle = await TokenFactory.clear_for(
        database, User(id=me.id), last_used_at=datetime.now(UTC) - timedelta(days=30, minutes=3)
    )
    assert (await client.get(ME, headers=bearer(idle))).status_code == 401
    assert [item["current"] for item in (await client.get(TOKENS, auth=me)).json()["items"]] == [True]


@pytest.mark.parametrize("door", ["sign up", "sign in", "sign in at the other API"])
async def test_a_sign_in_is_told_by_its_device(client: httpx.AsyncClient, database: Database, door: str) -> None:
    user, headers = await UserFactory.saved(database), {"User-Agent": "Sextant/2"}
    given = {"email": user.email, "password": PASSWORD}
    path, body = {
        "sign up": (USERS, SignUpFactory.body()),
        "sign in": (TOKENS, given),
        "sign in at the other API": ("/api/users/login", {"user": given}),
    }[door]
    made = (await client.post(path, json=body, headers=headers)).json()
    token = made["token"] if "token" in made else made["user"]["token"]
    [item] = (await client.get(TOKENS, headers=bearer(token))).json()["items"]
    assert (item["device"], item["name"], item["current"]) == ("Sextant/2", None, True)


@pytest.mark.parametrize(
    ("headers", "device"),
    [
        ([], None),
        ([(b"user-agent", b"")], None),
        ([(b"user-agent", b" \x00\x1b[31m ")], "[31m"),
        ([(b"user-agent", b"caf\xe9")], "caf\xe9"),
        ([(b"user-agent", b"x" * 5000)], "x" * LONGEST_DEVICE),
    ],
    ids=["none", "empty", "controls", "not ASCII", "huge"],
)
def test_a_device_is_text_that_can_be_seen(headers: list[tuple[bytes, bytes]], device: str | None) -> None:
    assert device_of(headers) == device


async def test_a_sign_in_forgets_what_lay_idle_of_this_user_alone(
    client: httpx.AsyncClient, database: Database
) -> None:
    ann, bea = await UserFactory.saved(database), await UserFactory.saved(database)
    for user in (ann, bea):
        await TokenFactory.clear_for(database, user, last_used_at=datetime.now(UTC) - timedelta(days=31))
    await client.post(TOKENS, json={"email": ann.email, "password": PASSWORD})
    rows = await database.reader().fetch("SELECT user_id FROM accounts_token", ())
    assert sorted(row[0] for row in rows) == sorted([ann.id, bea.id])
