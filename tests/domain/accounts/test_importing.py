"""Users of a Django project: `dumped_users.json` is what Django 5.2 wrote, with a password that costs little."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.accounts.importing import UserImport
from app.domain.accounts.services import AccountService
from app.kit.errors import Invalid, Malformed, Unauthenticated
from app.platform.database.pools import Database
from tests.domain.accounts.factories import PASSWORD, UserFactory

DUMP = Path(__file__).with_name("dumped_users.json").read_bytes()
COLUMNS = "username, email, display_name, password, is_active, is_staff, is_superuser, created_at"

Accounts = Callable[[], AccountService]


def dump(*fields: dict[str, Any], model: str = "auth.user") -> bytes:
    objects = [{"model": model, "pk": pk, "fields": user(**given)} for pk, given in enumerate(fields, start=1)]
    return json.dumps([{"model": "auth.group", "pk": 1, "fields": {"name": "staff"}}, *objects]).encode()


def user(**given: Any) -> dict[str, Any]:
    return {"username": "ann", "email": "ann@example.com", "password": "!", "first_name": "", "last_name": ""} | given


async def imported(database: Database, dump: bytes, *, is_rehearsal: bool = False) -> int:
    service = UserImport(database.unit_of_work())
    return await service.work.run(lambda: service.run(dump, is_rehearsal=is_rehearsal))


async def refusal(database: Database, dump: bytes) -> list[str]:
    with pytest.raises(Invalid) as refused:
        await imported(database, dump)
    return refused.value.detail.split("\n")


async def rows(database: Database) -> list[Any]:
    return await database.reader().fetch(f"SELECT {COLUMNS} FROM accounts_user ORDER BY lower(username)", ())


async def test_users_are_as_they_were(database: Database) -> None:
    assert await imported(database, DUMP) == 3
    ann, bea, cyd = await rows(database)
    assert tuple(ann)[:3] == ("ann", "Ann@example.com", "Ann Smith")
    assert ann["password"].startswith("pbkdf2_sha256$")
    assert (ann["is_active"], ann["is_staff"], ann["is_superuser"]) == (True, True, True)
    assert ann["created_at"] == datetime(2026, 11, 21, 15, 37, 16, 553_000, UTC)
    assert (bea["display_name"], bea["is_active"], bea["is_staff"]) == (None, False, False)
    assert cyd["password"] == "!"


@pytest.mark.dear_passwords
async def test_an_imported_user_signs_in_and_the_hash_becomes_argon2id(database: Database, accounts: Accounts) -> None:
    await imported(database, DUMP)
    for _ in range(2):
        service = accounts()
        signed_in = await service.work.run(lambda: service.sign_in("ann@example.com", PASSWORD))  # noqa: B023
        assert signed_in.user.username == "ann"
        assert (await rows(database))[0]["password"].startswith("$argon2id$v=19$m=65536,t=3,p=1$")


@pytest.mark.parametrize("email", ["bea@example.com", "cyd@example.com"], ids=["not active", "no password"])
async def test_who_could_not_sign_in_still_cannot(database: Database, accounts: Accounts, email: str) -> None:
    await imported(database, DUMP)
    service = accounts()
    with pytest.raises(Unauthenticated):
        await service.work.run(lambda: service.sign_in(email, PASSWORD))


async def test_a_rehearsal_imports_nobody(database: Database) -> None:
    assert await imported(database, DUMP, is_rehearsal=True) == 3
    assert await rows(database) == []


async def test_names_get_the_form_of_the_house_and_other_models_may_be_users(database: Database) -> None:
    given = {"username": "\uff41nn", "email": " Ann@EXAMPLE.com", "date_joined": "2001-02-03T04:05:06", "phone": "1"}
    assert await imported(database, dump(given, model="people.User")) == 1
    (ann,) = await rows(database)
    assert tuple(ann)[:2] == ("ann", "Ann@example.com")
    assert ann["created_at"] == datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


async def test_all_that_is_wrong_is_said_and_nobody_is_imported(database: Database) -> None:
    await UserFactory.saved(database, username="Taken", email="Taken@example.com")
    refused = await refusal(
        database,
        dump(
            {"username": "good"},
            {"username": "a/b", "email": "", "password": "md5$salt$abc", "is_staff": 1, "date_joined": "then"},
            {"username": 7, "email": None, "last_name": "x" * 101, "is_active": None},
            {"username": "taken", "email": "TAKEN@example.com"},
            {"username": "GOOD", "email": "other@example.com"},
        ),
    )
    assert refused == [
        "pk 2, username: may contain letters, digits, _ . - and single spaces between words",
        "pk 2, email: can't be blank",
        "pk 2, password: is not a hash that can be compared with: argon2, PBKDF2 and bcrypt are",
        "pk 2, is_staff: must be true or false",
        "pk 2, date_joined: must be a date and a time",
        "pk 3, username: must be a text",
        "pk 3, email: must be a text",
        "pk 3, first_name and last_name: must have at most 100 characters",
        "pk 3, is_active: must be true or false",
        "pk 5, username: is that of pk 1, too",
        "pk 4, username: has already been taken",
        "pk 4, email: has already been taken",
    ]
    assert [row["username"] for row in await rows(database)] == ["Taken"]


async def test_a_dump_without_keys_counts_the_users(database: Database) -> None:
    objects = [{"model": "auth.user", "fields": user(email=email)} for email in ("a@example.com", "x")]
    assert await refusal(database, json.dumps(objects).encode()) == ["user 2, email: is not an email address"]


async def test_users_of_two_models_with_one_key_are_told_apart(database: Database) -> None:
    objects = [{"model": f"{app}.user", "pk": 1, "fields": user()} for app in ("auth", "crm")]
    assert await refusal(database, json.dumps(objects).encode()) == [
        "pk 1 (crm.user, user 2), username: is that of pk 1, too",
        "pk 1 (crm.user, user 2), email: is that of pk 1, too",
    ]


@pytest.mark.parametrize(
    "dump",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<xml>", id="XML"),
        pytest.param(b'{"model": "auth.user"}', id="no list"),
        pytest.param(b'[{"model": "auth.user"}]', id="no fields"),
        pytest.param(b"[]", id="nobody"),
        pytest.param(b'[{"model": "auth.user", "fields": {"username": "\xff"}}]', id="no UTF-8"),
    ],
)
async def test_what_is_no_dump_is_refused(database: Database, dump: bytes) -> None:
    with pytest.raises(Malformed):
        await imported(database, dump)


async def test_many_users_are_imported_in_one_go(database: Database) -> None:
    given = ({"username": f"user-{number}", "email": f"{number}@example.com"} for number in range(5_000))
    assert await imported(database, dump(*given)) == 5_000
