"""The verbs of accounts: what they do to each other at the same time, and what admins do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.accounts.models import User
from app.domain.accounts.services import AccountService, Changes
from app.kit.errors import Invalid, NotFound, Unauthenticated
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from tests.domain.accounts.factories import PASSWORD, TokenFactory, UserFactory
from tests.domain.accounts.gate import Gate
from tests.waiting import until_waiting

NEW = "a new password"

Accounts = Callable[[], AccountService]


async def test_a_change_leaves_out_what_is_unset(database: Database, accounts: Accounts) -> None:
    user = await UserFactory.saved(database, bio="I sail.", image="x.png")
    service = accounts()
    changed = await service.work.run(lambda: service.change(Viewer(user.id), Changes(bio="", image=UNCHANGED)))
    assert (changed.id, changed.username, changed.bio, changed.image) == (user.id, user.username, None, "x.png")


UNCHANGED = Changes().image


async def test_who_signs_in_loses_the_tokens_that_have_expired(
    database: Database, accounts: Accounts, statements: Callable[..., AbstractContextManager[list[str]]]
) -> None:
    ann, bea = await UserFactory.saved(database), await UserFactory.saved(database)
    past = datetime.now(UTC) - timedelta(seconds=1)
    for user in (ann, bea):
        await TokenFactory.clear_for(database, user)
        await TokenFactory.clear_for(database, user, expires_at=past)
    service = accounts()

    with statements() as sent:
        made = await service.work.run(lambda: service.sign_in(ann.email, PASSWORD))

    assert len([statement for statement in sent if statement.startswith("DELETE")]) == 1
    rows = await database.reader().fetch("SELECT id, user_id, expires_at > now() AS live FROM accounts_token", ())
    assert sorted(row["live"] for row in rows if row["user_id"] == ann.id) == [True, True]
    assert made.id in {row["id"] for row in rows}
    assert sorted(row["live"] for row in rows if row["user_id"] == bea.id) == [False, True]


@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_none_counts_as_blank(accounts: Accounts, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await accounts().change(Viewer(), Changes(**{field: None}))
    assert [(violation.field, violation.code) for violation in refusal.value.violations] == [(field, "blank")]


@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(lambda one, _: one.sign_up("new", "new@example.com", PASSWORD), id="sign up"),
        pytest.param(lambda one, user: one.sign_in(user.email, PASSWORD), id="sign in"),
        pytest.param(lambda one, user: one.change(Viewer(user.id), Changes(password=NEW, bio="x")), id="change"),
        pytest.param(lambda one, user: one.change_password(user.username, NEW), id="change by an admin"),
        pytest.param(lambda one, _: one.create_superuser("new", "new@example.com", PASSWORD), id="create a superuser"),
    ],
)
async def test_no_connection_is_held_while_a_password_is_hashed(
    database: Database, accounts: Accounts, gate: Gate, verb: Callable[[AccountService, User], Awaitable[object]]
) -> None:
    user, service = await UserFactory.saved(database), accounts()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(service.work.run(lambda: verb(service, user)))
        await gate.arrival()
        in_use = [pool.gauges()["in_use"] for pool in (database.read, database.write)]
        gate.open()
    assert task.done()
    assert in_use == [0, 0]


async def test_a_sign_in_with_a_password_that_changes_meanwhile_fails(
    database: Database, accounts: Accounts, gate: Gate
) -> None:
    user, service = await UserFactory.saved(database), accounts()
    async with asyncio.TaskGroup() as group:
        sign_in = group.create_task(_outcome(service, lambda: service.sign_in(user.email, PASSWORD)))
        await gate.arrival()
        await _forget_password(database, user)
        gate.open()
    assert isinstance(sign_in.result(), Unauthenticated)
    assert await _tokens(database) == 0


async def test_a_password_change_waits_for_a_sign_in_and_ends_its_token(
    database: Database, accounts: Accounts, hasher: PasswordHasher
) -> None:
    user, signing_in, changing = await UserFactory.saved(database), accounts(), accounts()
    async with asyncio.TaskGroup() as group:

        async def sign_in_slowly() -> None:
            await signing_in.sign_in(user.email, PASSWORD)
            group.create_task(changing.work.run(lambda: changing.change(Viewer(user.id), Changes(password=NEW))))
            await until_waiting(database.url)

        await signing_in.work.run(sign_in_slowly)
    assert await _tokens(database) == 0


async def test_a_superuser_is_one_and_signs_in(accounts: Accounts) -> None:
    service = accounts()
    made = await service.work.run(lambda: service.create_superuser(" \uff52oot ", "Root@EXAMPLE.com", PASSWORD))
    again = accounts()
    signed_in = await again.work.run(lambda: again.sign_in("root@example.com", PASSWORD))
    assert (signed_in.user.id, signed_in.user.username) == (made, "root")
    assert (signed_in.user.is_staff, signed_in.user.is_superuser) == (True, True)


async def test_a_superuser_is_held_to_the_same_rules(accounts: Accounts) -> None:
    with pytest.raises(Invalid) as refusal:
        await accounts().create_superuser("", "root", "short")
    assert [violation.code for violation in refusal.value.violations] == ["blank", "email", "too_short"]


async def test_an_admin_changes_a_password_by_name_and_ends_all_tokens(database: Database, accounts: Accounts) -> None:
    user = await UserFactory.saved(database, username="Ann")
    await TokenFactory.clear_for(database, user)
    service = accounts()
    await service.work.run(lambda: service.change_password(" ANN", NEW))
    assert await _tokens(database) == 0
    again = accounts()
    assert (await again.work.run(lambda: again.sign_in(user.email, NEW))).user.id == user.id


async def test_the_password_of_nobody_cannot_be_changed(accounts: Accounts) -> None:
    service = accounts()
    with pytest.raises(NotFound):
        await service.work.run(lambda: service.change_password("nobody", NEW))


async def test_a_refused_row_does_not_tell_the_hash(database: Database, accounts: Accounts) -> None:
    user, service = await UserFactory.saved(database), accounts()
    with pytest.raises(IntegrityError) as refusal:
        await service.work.run(lambda: service.sign_up(user.username, "new@example.com", PASSWORD))
    assert "uq_accounts_user_username" in str(refusal.value)
    assert "$argon2" not in str(refusal.value)


async def _outcome(service: AccountService, verb: Callable[[], Awaitable[object]]) -> object:
    try:
        return await service.work.run(verb)
    except Unauthenticated as error:
        return error


async def _forget_password(database: Database, user: User) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_user SET password = '!' WHERE id = $1", (user.id,)))


async def _tokens(database: Database) -> int:
    work = database.unit_of_work()
    return (await work.run(lambda: work.fetch("SELECT count(*) FROM accounts_token", ())))[0][0]
