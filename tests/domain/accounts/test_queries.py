"""Whose a token is: by one statement, written nowhere, and nobody's once it has ended."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.accounts.queries import authenticate
from app.domain.accounts.tokens import new_token
from app.platform.database.pools import Database
from tests.domain.accounts.factories import TokenFactory, UserFactory


@pytest.mark.parametrize("is_superuser", [False, True], ids=["user", "superuser"])
async def test_a_token_is_its_users(database: Database, statements: Callable, is_superuser: bool) -> None:
    user = await UserFactory.saved(database, is_superuser=is_superuser)
    token = await TokenFactory.clear_for(database, user)
    await TokenFactory.clear_for(database, await UserFactory.saved(database))

    with statements(at_most=1) as sent:
        viewer = await authenticate(database.reader(), token)

    assert viewer is not None
    assert (viewer.id, viewer.is_superuser) == (user.id, is_superuser)
    assert viewer.credential is not None
    assert sent[0].startswith("SELECT")


async def test_a_token_that_was_never_given_out_is_nobodys(database: Database) -> None:
    assert await authenticate(database.reader(), new_token()) is None


async def test_what_is_no_token_costs_no_statement(database: Database, statements: Callable) -> None:
    with statements(at_most=0):
        assert await authenticate(database.reader(), "x" * 46) is None


async def test_an_expired_token_is_nobodys(database: Database) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    token = await TokenFactory.clear_for(database, await UserFactory.saved(database), expires_at=past)
    assert await authenticate(database.reader(), token) is None


async def test_a_token_of_a_user_who_is_not_active_is_nobodys(database: Database) -> None:
    token = await TokenFactory.clear_for(database, await UserFactory.saved(database, is_active=False))
    assert await authenticate(database.reader(), token) is None
