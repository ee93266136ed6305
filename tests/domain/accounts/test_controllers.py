"""The doors of accounts, from outside."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import create_autospec
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from pwdlib import PasswordHash

from app.domain.accounts.models import Token, User
from app.platform import passwords
from app.platform.database.pools import Database
from app.platform.observability.logging import flush_log
from app.platform.passwords import PasswordHasher
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, TokenFactory, UserFactory
from tests.domain.accounts.gate import Gate

USERS, TOKENS, ME = "/api/v1/accounts/users", "/api/v1/accounts/tokens", "/api/v1/accounts/me"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(violation["pointer"], violation["code"]) for violation in answer.json()["violations"]]


async def test_signing_up_makes_a_user_and_a_token(client: httpx.AsyncClient) -> None:
    answer = await client.post(USERS, json={"username": "Ann", "email": "Ann@Example.com", "password": PASSWORD})

    assert answer.status_code == 201
    assert answer.headers["location"] == ME
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["user"] | {"id": "", "createdAt": "", "updatedAt": ""} == {
        "id": "",
        "username": "Ann",
        "email": "Ann@example.com",
        "emailVerifiedAt": None,
        "displayName": None,
        "bio": None,
        "image": None,
        "isStaff": False,
        "isSuperuser": False,
        "createdAt": "",
        "updatedAt": "",
    }
    assert made["expiresAt"] > made["user"]["createdAt"]
    assert (await client.get(ME, headers=bearer(made["token"]))).json() == made["user"]


async def test_all_that_is_wrong_with_a_sign_up_is_said_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post(USERS, json={"username": "p\u0430ypal", "email": "nobody", "password": "short"})

    assert answer.status_code == 422
    assert codes(answer) == [("/username", "mixed_scripts"), ("/email", "email"), ("/password", "too_short")]
    assert answer.json()["errors"].keys() == {"username", "email", "password"}


@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_a_blank_field_is_refused(client: httpx.AsyncClient, field: str) -> None:
    answer = await client.post(USERS, json=SignUpFactory.body(**{field: " \u3000 "}))
    assert (answer.status_code, answer.json()["errors"]) == (422, {field: ["can't be blank"]})


@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_a_giant_field_is_refused_before_it_is_looked_at(client: httpx.AsyncClient, field: str) -> None:
    answer = await client.post(USERS, json=SignUpFactory.body(**{field: "ﷺ" * 100_000}))
    assert (answer.status_code, answer.json()["errors"].keys()) == (422, {field})


COLUMNS = [column.name for column in User.__table__.columns]


@pytest.mark.parametrize("column", sorted({*COLUMNS, "isSuperuser", "isStaff", "isActive"} - {*SignUpFactory.body()}))
async def test_no_other_column_can_be_written_by_signing_up(client: httpx.AsyncClient, column: str) -> None:
    answer = await client.post(USERS, json=SignUpFactory.body(**{column: True}))
    assert (answer.status_code, codes(answer)) == (422, [(f"/{column}", "unknown")])


@pytest.mark.parametrize(
    "column", ["id", "is_active", "is_staff", "is_superuser", "isActive", "isStaff", "isSuperuser", "createdAt"]
)
async def test_no_other_column_can_be_changed(client: httpx.AsyncClient, sign_in: Callable, column: str) -> None:
    answer = await client.patch(ME, json={column: True}, auth=await sign_in())
    assert (answer.status_code, codes(answer)) == (422, [(f"/{column}", "unknown")])


@pytest.mark.parametrize(
    ("taken", "field"),
    [
        ({"username": "ANN"}, "username"),
        ({"email": "ANN@Example.COM"}, "email"),
        ({"username": "\uff41nn"}, "username"),
    ],
    ids=["username in capitals", "address in capitals", "username in full width"],
)
async def test_a_taken_name_is_a_conflict(
    client: httpx.AsyncClient, database: Database, taken: dict[str, str], field: str
) -> None:
    await UserFactory.saved(database, username="ann", email="ann@example.com")

    answer = await client.post(USERS, json=SignUpFactory.body(**taken))

    assert (answer.status_code, answer.json()["errors"]) == (409, {field: ["has already been taken"]})


async def test_of_several_sign_ups_with_one_name_one_succeeds(client: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        posts = [
            group.create_task(client.post(USERS, json=SignUpFactory.body(username=name)))
            for name in ("ann", "Ann", "ANN", "aNN")
        ]
    assert sorted(post.result().status_code for post in posts) == [201, 409, 409, 409]


async def test_signing_in_makes_another_token(client: httpx.AsyncClient, database: Database) -> None:
    user = await UserFactory.saved(database, email="ann@example.com")
    first = await TokenFactory.clear_for(database, user)

    answer = await client.post(TOKENS, json={"email": " ANN@example.com", "password": PASSWORD})

    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"{TOKENS}/{made['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert made["user"]["id"] == str(user.id)
    for token in (first, made["token"]):
        assert (await client.get(ME, headers=bearer(token))).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
async def test_a_token_is_known_by_either_scheme(client: httpx.AsyncClient, sign_in: Callable, scheme: str) -> None:
    user = await sign_in()
    answer = await client.get(ME, headers={"Authorization": f"{scheme} {user.token}"})
    assert (answer.status_code, answer.json()["username"]) == (200, user.username)


async def test_a_wrong_password_and_an_unknown_address_are_told_the_same(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await UserFactory.saved(database)
    idle = await UserFactory.saved(database, is_active=False)
    locked = await UserFactory.saved(database, password="!")
    verify = create_autospec(PasswordHash.verify, side_effect=PasswordHash.verify)
    monkeypatch.setattr(PasswordHash, "verify", verify)

    answers = [
        await client.post(TOKENS, json={"email": email, "password": password})
        for email, password in [
            (known.email, "wrong password"),
            ("nobody@example.com", PASSWORD),
            (idle.email, PASSWORD),
            (locked.email, "!"),
        ]
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert answers[0].json()["errors"] == {"credentials": ["invalid"]}
    assert len({tuple(answer.headers.keys()) for answer in answers}) == 1
    assert len({answer.content.replace(answer.json()["requestId"].encode(), b"") for answer in answers}) == 1
    # Whoever the address belongs to, one hash is worked out: a fast answer would tell that it is nobody's.
    assert [call.args[2] for call in verify.call_args_list] == [known.password, *3 * [passwords.NOBODYS]]


@pytest.mark.parametrize(
    ("body", "blank"),
    [
        ({"email": "", "password": PASSWORD}, {"email"}),
        ({"email": "ann@example.com", "password": " "}, {"password"}),
        ({"email": "\t", "password": ""}, {"email", "password"}),
        ({}, {"email", "password"}),
    ],
    ids=["address", "password", "both", "missing"],
)
async def test_blank_credentials_are_refused(client: httpx.AsyncClient, body: dict[str, str], blank: set[str]) -> None:
    answer = await client.post(TOKENS, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {field: ["can't be blank"] for field in blank}


@pytest.mark.parametrize("count", [1, 100], ids="{} tokens".format)
async def test_tokens_are_listed_by_one_statement(
    client: httpx.AsyncClient, database: Database, sign_in: Callable, statements: Callable, count: int
) -> None:
    me = await sign_in()
    for _ in range(count - 1):
        await TokenFactory.clear_for(database, User(id=me.id))

    with statements(at_most=2):  # one of them says whose the token is
        answer = await client.get(TOKENS, params={"limit": 100}, auth=me)

    items = answer.json()["items"]
    assert (len(items), answer.json()["next"]) == (count, None)
    assert [item["current"] for item in items] == [False] * (count - 1) + [True]
    known = {"id", "name", "device", "scopes", "isSession", "createdAt", "expiresAt", "lastUsedAt", "current"}
    assert items[0].keys() == known


async def test_tokens_that_have_expired_and_those_of_others_are_not_listed(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me = await sign_in()
    await sign_in()
    await TokenFactory.clear_for(database, User(id=me.id), expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert [item["current"] for item in (await client.get(TOKENS, auth=me)).json()["items"]] == [True]


async def test_tokens_are_listed_in_slices_without_gaps(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me, other = await sign_in(), await sign_in()
    for user in (me, other):
        for _ in range(6):
            await TokenFactory.clear_for(database, User(id=user.id))
    whole = [item["id"] for item in (await client.get(TOKENS, auth=me)).json()["items"]]

    seen, after = [], {}
    while after is not None:
        answer = (await client.get(TOKENS, params={"limit": 3, **after}, auth=me)).json()
        await TokenFactory.clear_for(database, User(id=me.id))  # newer than all that were asked for
        seen += [item["id"] for item in answer["items"]]
        after = answer["next"] and {"after": answer["next"]}

    assert len(whole) == 7
    assert seen == whole


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("limit=0", "query:limit"), ("limit=101", "query:limit"), ("limit=x", "query:limit"), ("after=x", "query:after")],
    ids=["none", "too many", "no number", "no cursor"],
)
async def test_a_slice_that_cannot_be_is_refused(
    client: httpx.AsyncClient, sign_in: Callable, query: str, pointer: str
) -> None:
    answer = await client.get(f"{TOKENS}?{query}", auth=await sign_in())
    assert (answer.status_code, answer.json()["violations"][0]["pointer"]) == (422, pointer)


async def test_a_token_of_ones_own_can_be_ended_by_its_id(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me = await sign_in()
    lost = await TokenFactory.clear_for(database, User(id=me.id))
    newest = (await client.get(TOKENS, auth=me)).json()["items"][0]["id"]

    assert (await client.delete(f"{TOKENS}/{newest}", auth=me)).status_code == 204
    assert (await client.get(ME, headers=bearer(lost))).status_code == 401
    assert (await client.delete(f"{TOKENS}/{newest}", auth=me)).status_code == 404


async def test_another_ones_token_is_as_good_as_none(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me, other = await sign_in(), await sign_in()
    theirs = (await client.get(TOKENS, auth=other)).json()["items"][0]["id"]

    answers = [await client.delete(f"{TOKENS}/{token}", auth=me) for token in (theirs, uuid4())]

    assert [(answer.status_code, answer.json()["errors"]) for answer in answers] == [
        (404, {"token": ["not found"]})
    ] * 2
    assert (await client.get(ME, auth=other)).status_code == 200


async def test_what_cannot_be_the_id_of_a_token_is_not_found(client: httpx.AsyncClient, sign_in: Callable) -> None:
    assert (await client.delete(f"{TOKENS}/7", auth=await sign_in())).status_code == 404


@pytest.mark.parametrize(
    ("path", "others_stay"), [("/current", True), ("", False)], ids=["sign out", "sign out everywhere"]
)
async def test_signing_out_ends_tokens(
    client: httpx.AsyncClient, database: Database, sign_in: Callable, path: str, others_stay: bool
) -> None:
    me, other = await sign_in(), await sign_in()
    second = await TokenFactory.clear_for(database, User(id=me.id))

    answer = await client.delete(f"{TOKENS}{path}", auth=me)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(ME, auth=me)).json()["errors"] == {"token": ["is invalid"]}
    assert (await client.get(ME, headers=bearer(second))).status_code == (200 if others_stay else 401)
    assert (await client.get(ME, auth=other)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ME), ("PATCH", ME), ("GET", TOKENS), ("DELETE", TOKENS), ("DELETE", f"{TOKENS}/current")],
    ids=" ".join,
)
async def test_who_is_not_signed_in_is_refused(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["errors"]) == (401, {"token": ["is missing"]})


async def test_ones_own_account_costs_two_statements(
    client: httpx.AsyncClient, sign_in: Callable, statements: Callable
) -> None:
    me = await sign_in()
    with statements(at_most=2):
        answer = await client.get(ME, auth=me)
    assert (answer.status_code, answer.json()["id"]) == (200, str(me.id))


async def test_what_is_left_out_of_a_change_stays(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in("ann")
    first = (await client.patch(ME, json={"bio": "I sail.", "displayName": " Ann "}, auth=me)).json()
    second = (await client.patch(ME, json={"image": "<b>x</b>"}, auth=me)).json()

    assert (first["bio"], first["displayName"], first["image"]) == ("I sail.", "Ann", None)
    assert second == first | {"image": "<b>x</b>", "updatedAt": second["updatedAt"]}
    assert second["updatedAt"] > first["updatedAt"]
    assert (await client.patch(ME, json={}, auth=me)).json() == second


@pytest.mark.parametrize("nothing", ["", None], ids=["empty", "null"])
async def test_a_blank_text_of_the_profile_is_removed(
    client: httpx.AsyncClient, sign_in: Callable, nothing: str | None
) -> None:
    me = await sign_in()
    await client.patch(ME, json={"bio": "b", "image": "i", "displayName": "d"}, auth=me)

    answer = await client.patch(ME, json=dict.fromkeys(["bio", "image", "displayName"], nothing), auth=me)

    assert [answer.json()[field] for field in ("bio", "image", "displayName")] == [None] * 3


async def test_a_name_changes_at_once_and_an_address_never(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me = await sign_in()
    refused = await client.patch(ME, json={"username": "Ann", "email": "ann@example.org"}, auth=me)
    assert (refused.status_code, codes(refused)) == (422, [("/email", "unknown")])
    answer = await client.patch(ME, json={"username": "Ann"}, auth=me)
    assert (answer.status_code, answer.json()["username"], answer.json()["email"]) == (200, "Ann", me.email)
    assert (await client.get(ME, auth=me)).json() == answer.json()


async def test_a_name_of_another_cannot_be_taken(client: httpx.AsyncClient, sign_in: Callable) -> None:
    me, other = await sign_in(), await sign_in()
    answer = await client.patch(ME, json={"username": other.username.upper(), "bio": "x"}, auth=me)
    assert (answer.status_code, answer.json()["errors"]) == (409, {"username": ["has already been taken"]})
    assert (await client.get(ME, auth=me)).json()["bio"] is None


async def test_all_that_is_wrong_with_a_change_is_said_at_once(client: httpx.AsyncClient, sign_in: Callable) -> None:
    body = {"username": "", "password": "", "displayName": "a\u202eb"}
    answer = await client.patch(ME, json=body, auth=await sign_in())
    assert answer.status_code == 422
    assert codes(answer) == [
        ("/username", "blank"),
        ("/password", "blank"),
        ("/displayName", "invisible"),
    ]


async def test_a_new_password_ends_all_other_tokens(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
) -> None:
    me, other = await sign_in(), await sign_in()
    second = await TokenFactory.clear_for(database, User(id=me.id))

    answer = await client.patch(ME, json={"password": "a new password"}, auth=me)

    assert answer.status_code == 200
    assert (await client.get(ME, auth=me)).status_code == 200
    assert (await client.get(ME, headers=bearer(second))).status_code == 401
    assert (await client.get(ME, auth=other)).status_code == 200
    signed_in = await client.post(TOKENS, json={"email": me.email, "password": "a new password"})
    assert signed_in.status_code == 201


async def test_a_flood_of_sign_ins_leaves_others_answering(
    app: Litestar, client: httpx.AsyncClient, sign_in: Callable, gate: Gate, hasher: PasswordHasher
) -> None:
    me = await sign_in()
    async with asyncio.TaskGroup() as group:
        body = {"email": me.email, "password": "wrong password"}
        flood = [group.create_task(client.post(TOKENS, json=body)) for _ in range(10)]
        await gate.arrival()
        refused = await _first(8, flood)

        assert (await client.get(ME, auth=me)).status_code == 200
        # Neither the one whose password is being hashed nor the one who waits holds a connection.
        assert app.state.database.write.gauges()["in_use"] == app.state.database.read.gauges()["in_use"] == 0
        gate.open()

    assert all(answer.status_code == 503 and int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert sorted(task.result().status_code for task in flood) == [401] * 2 + [503] * 8


async def test_no_password_hash_or_token_is_told_but_where_declared(
    client: httpx.AsyncClient, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    body = SignUpFactory.body(password="canary-in-the-coal-mine")
    made = (await client.post(USERS, json=body)).json()
    signed_in = (await client.post(TOKENS, json={"email": body["email"], "password": body["password"]})).json()
    tokens = [made.pop("token"), signed_in.pop("token")]
    me = bearer(tokens[0])
    said = [
        made,
        signed_in,
        (await client.post(USERS, json=body)).json(),
        (await client.post(TOKENS, json={"email": body["email"], "password": "canary-in-the-pit"})).json(),
        (await client.post(USERS, json=body | {"password": ["canary-in-the-list"]})).json(),
        (await client.get(ME, headers=me)).json(),
        (await client.patch(ME, json={"password": "canary-in-the-cage"}, headers=me)).json(),
        (await client.get(TOKENS, headers=me)).json(),
        (await client.get(ME, headers=bearer(tokens[1]))).json(),
    ]
    flush_log()

    log = capfd.readouterr().out
    for secret in (*tokens, "canary", "$argon2", "digest"):
        assert secret not in str(said)
        assert secret not in log
    assert log.count(USERS) >= 3
    assert {Token.__tablename__, User.__tablename__}.isdisjoint(log.split())


async def _first(count: int, tasks: list[asyncio.Task[httpx.Response]]) -> list[httpx.Response]:
    """The first answers; the others are still awaited."""
    ended: set[asyncio.Task[httpx.Response]] = set()
    while len(ended) < count:
        done, _ = await asyncio.wait(set(tasks) - ended, return_when=asyncio.FIRST_COMPLETED)
        ended |= done
    return [task.result() for task in ended]
