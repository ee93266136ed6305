"""Passwords at each door where one is chosen, and the hashes that are renewed at the door where one is used."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import pbkdf2_hmac
from pathlib import Path

import httpx
import pytest

from app.domain.accounts.commands import changepassword, createsuperuser, import_django_users
from app.domain.accounts.models import User
from app.domain.accounts.services import AccountService
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from config.settings import Settings
from tests.domain.accounts.doors import ME, TOKENS, USERS, faults
from tests.domain.accounts.factories import PASSWORD, SignUpFactory, TokenFactory, UserFactory
from tests.domain.accounts.gate import Gate

OLD = f"pbkdf2_sha256$1000$salt${b64encode(pbkdf2_hmac('sha256', PASSWORD.encode(), b'salt', 1000)).decode()}"

Accounts = Callable[[], AccountService]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"password": "12345678"}, ["too_common", "entirely_numeric"], id="common digits"),
        pytest.param({"password": "1234"}, ["too_short", "too_common", "entirely_numeric"], id="short digits"),
        pytest.param({"username": "evergreen", "password": "evergreen7"}, ["too_similar"], id="the username"),
        pytest.param({"email": "evergreen@example.com", "password": "evergreen7"}, ["too_similar"], id="the email"),
    ],
)
async def test_who_signs_up_is_told_all_that_makes_the_password_easy_to_guess(
    client: httpx.AsyncClient, given: dict[str, str], expected: list[str]
) -> None:
    ishmael = {"username": "ishmael", "email": "ishmael@example.com"}
    answer = await client.post(USERS, json=SignUpFactory.body(**ishmael | given))
    assert faults(answer) == [("/password", code) for code in expected]


async def test_other_fields_are_told_with_the_password(client: httpx.AsyncClient) -> None:
    answer = await client.post(USERS, json={"username": "", "email": "evergreen", "password": "evergreen7"})
    assert faults(answer) == [("/username", "blank"), ("/email", "email"), ("/password", "too_similar")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"password": "password1"}, ["too_common"], id="common"),
        pytest.param({"password": "captain-ahab"}, ["too_similar"], id="the username that stays"),
        pytest.param({"password": "Moby Dick"}, ["too_similar"], id="the display name that stays"),
        pytest.param(
            {"password": "call me ishmael", "username": "ishmael-me-call"}, ["too_similar"], id="a new username"
        ),
    ],
)
async def test_a_new_password_is_compared_with_the_names_as_they_will_be(
    client: httpx.AsyncClient, sign_in: Callable, body: dict[str, str], expected: list[str]
) -> None:
    me = await sign_in("captain-ahab")
    assert (await client.patch(ME, json={"displayName": "Moby Dick"}, auth=me)).status_code == 200
    assert faults(await client.patch(ME, json=body, auth=me)) == [("/password", code) for code in expected]


async def test_a_name_that_is_given_up_may_be_in_a_password(client: httpx.AsyncClient, database: Database) -> None:
    token = await TokenFactory.clear_for(database, await UserFactory.saved(database, username="captain-ahab"))
    body = {"username": "ishmael", "password": "captain-ahab"}
    answer = await client.patch(ME, json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_a_superusers_password_is_held_to_the_same_rules(type_in: Callable) -> None:
    named = ["--username", "evergreen", "--email", "root@example.com", "--password-stdin"]
    result = await type_in(createsuperuser, *named, typed="evergreen7")
    assert (result.exit_code, result.output) == (
        1,
        "Error: password: is too similar to the username, the email or the display name\n",
    )


async def test_a_password_that_an_admin_gives_is_held_to_the_same_rules(type_in: Callable, database: Database) -> None:
    await UserFactory.saved(database, username="ann", email="evergreen@example.com")
    result = await type_in(changepassword, "ann", "--password-stdin", typed="evergreen")
    assert (result.exit_code, "too similar" in result.output) == (1, True)
    result = await type_in(changepassword, "ann", "--password-stdin", typed="1234567")
    assert (result.exit_code, result.output.splitlines()) == (
        1,
        [
            "Error: password: must have at least 8 characters",
            "password: is a password that many use",
            "password: must not be digits alone",
        ],
    )


@pytest.mark.dear_passwords
async def test_an_old_hash_is_renewed_at_sign_in(client: httpx.AsyncClient, database: Database) -> None:
    user = await UserFactory.saved(database, password=OLD)
    body = {"email": user.email, "password": PASSWORD}

    assert (await client.post(TOKENS, json=body | {"password": "wrong password"})).status_code == 401
    assert await _hash(database, user) == OLD
    assert (await client.post(TOKENS, json=body)).status_code == 201
    renewed = await _hash(database, user)
    assert (await client.post(TOKENS, json=body)).status_code == 201

    assert renewed.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await _hash(database, user) == renewed


@pytest.mark.dear_passwords
async def test_two_sign_ins_at_once_renew_a_hash_and_both_succeed(
    database: Database, settings: Settings, gate: Gate
) -> None:
    user = await UserFactory.saved(database)
    hashers = [PasswordHasher(workers=1, queue=0) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        sign_ins = []
        for hasher in hashers:  # as in two workers
            service = AccountService(database.unit_of_work(), database.reader(), hasher, settings.security)
            sign_ins.append(group.create_task(_signed_in(service, user)))
            await gate.arrival()
        gate.open()
    assert [task.result() for task in sign_ins] == [user.id, user.id]
    assert await _hash(database, user) != user.password


@pytest.mark.dear_passwords
async def test_a_renewal_does_not_undo_a_password_change(database: Database, accounts: Accounts, gate: Gate) -> None:
    user = await UserFactory.saved(database)
    async with asyncio.TaskGroup() as group:
        sign_in = group.create_task(_outcome(accounts(), user))
        await gate.arrival()
        work = database.unit_of_work()
        await work.run(lambda: work.fetch("UPDATE accounts_user SET password = 'new' WHERE id = $1", (user.id,)))
        gate.open()
    assert (sign_in.result(), await _hash(database, user)) == ("Unauthenticated", "new")


@pytest.mark.parametrize(
    ("options", "said", "count"),
    [
        pytest.param([], "1 users are imported.\n", 1, id="import"),
        pytest.param(["--dry-run"], "1 users could be imported; nobody was.\n", 0, id="rehearsal"),
    ],
)
async def test_users_of_a_file_are_imported(
    type_in: Callable, database: Database, tmp_path: Path, options: list[str], said: str, count: int
) -> None:
    file = _dump(tmp_path, username="ann", email="ann@example.com", password=OLD)
    result = await type_in(import_django_users, str(file), *options)
    assert (result.exit_code, result.output) == (0, said)
    assert (await database.reader().fetch("SELECT count(*) FROM accounts_user", ()))[0][0] == count


async def test_what_is_wrong_with_a_file_is_said_in_words(type_in: Callable, tmp_path: Path) -> None:
    file = _dump(tmp_path, username="ann", email="", password="md5$a$b")
    result = await type_in(import_django_users, str(file))
    assert (result.exit_code, result.output.splitlines()) == (
        1,
        [
            "Error: pk 1, email: can't be blank",
            "pk 1, password: is not a hash that can be compared with: argon2, PBKDF2 and bcrypt are",
        ],
    )


def _dump(folder: Path, **fields: str) -> Path:
    file = folder / "users.json"
    file.write_text(json.dumps([{"model": "auth.user", "pk": 1, "fields": fields}]), encoding="utf-8")
    return file


async def _hash(database: Database, user: User) -> str:
    rows = await database.reader().fetch("SELECT password FROM accounts_user WHERE id = $1", (user.id,))
    return rows[0]["password"]


async def _signed_in(service: AccountService, user: User) -> object:
    return (await service.work.run(lambda: service.sign_in(user.email, PASSWORD))).user.id


async def _outcome(service: AccountService, user: User) -> object:
    try:
        return await _signed_in(service, user)
    except Exception as error:  # noqa: BLE001 - its name is what is looked at
        return type(error).__name__
