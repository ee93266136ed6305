"""What admins type about tokens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.domain.accounts.authentication import Authentication
from app.domain.accounts.models import User
from app.domain.accounts.token_commands import clearsessions, sessions_revoke, token_create, token_revoke
from app.kit.identity import Viewer
from app.platform.database.pools import Database
from config.settings import Settings
from tests.domain.accounts.factories import TokenFactory, UserFactory

Look = Callable[[str], object]


@pytest.fixture
def look(database: Database, settings: Settings) -> Look:
    """Whose a token is."""
    authenticate = Authentication(settings)
    return lambda token: authenticate(database.reader(), token)


@pytest.fixture
async def ann(database: Database) -> User:
    """A user."""
    return await UserFactory.saved(database, username="Ann")


async def test_a_token_is_made_and_printed_alone(type_in: Callable, look: Callable, ann: User) -> None:
    result = await type_in(token_create, "ann", "nightly import", "--days", "2", "--scope", "signed_in")

    assert result.exit_code == 0
    until = datetime.now(UTC) + timedelta(days=2)
    assert f"good until {until:%Y-%m-%d}" in result.stderr
    viewer = await look(result.stdout.removesuffix("\n"))
    assert isinstance(viewer, Viewer)
    assert (viewer.id, viewer.scopes) == (ann.id, {"signed_in"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "x"], ["Error: user: not found"]),
        (["ann", " ", "--days", "0"], ["Error: name: can't be blank", "days: must be from 1 to 365"]),
        (["ann", "x", "--scope", "no.such"], ["Error: scopes: must be names of permissions"]),
    ],
    ids=["nobody", "name and days", "scope"],
)
async def test_what_is_wrong_is_said_in_words(
    type_in: Callable, ann: User, arguments: list[str], said: list[str]
) -> None:
    result = await type_in(token_create, *arguments)
    assert (result.exit_code, result.output.splitlines()) == (1, said)


async def test_one_token_is_ended_by_its_id(type_in: Callable, look: Callable, database: Database, ann: User) -> None:
    kept, lost = [await TokenFactory.clear_for(database, ann) for _ in range(2)]
    token = str((await look(lost)).credential)

    result = await type_in(token_revoke, token)

    assert (result.exit_code, result.output) == (0, f"{token} has ended.\n")
    assert await look(kept)
    assert await look(lost) is None


async def test_a_users_named_tokens_are_ended_and_sign_ins_stay(
    type_in: Callable, look: Callable, database: Database, ann: User
) -> None:
    signed_in = await TokenFactory.clear_for(database, ann)
    named = [await TokenFactory.clear_for(database, ann, name="x") for _ in range(2)]
    others = await TokenFactory.clear_for(database, await UserFactory.saved(database), name="x")

    result = await type_in(token_revoke, "ANN")

    assert (result.exit_code, result.output) == (0, "2 of the tokens that ANN made by name have ended.\n")
    assert [await look(token) for token in named] == [None, None]
    assert await look(signed_in)
    assert await look(others)


@pytest.mark.parametrize(
    ("which", "said"),
    [(str(uuid4()), "Error: token: not found\n"), ("nobody", "Error: user: not found\n")],
    ids=["id", "name"],
)
async def test_what_is_not_there_cannot_be_ended(type_in: Callable, which: str, said: str) -> None:
    result = await type_in(token_revoke, which)
    assert (result.exit_code, result.output) == (1, said)


async def test_a_user_is_signed_out_everywhere(
    type_in: Callable, look: Callable, database: Database, ann: User
) -> None:
    tokens = [await TokenFactory.clear_for(database, ann, name=name) for name in (None, "x")]
    others = await TokenFactory.clear_for(database, await UserFactory.saved(database))

    result = await type_in(sessions_revoke, "ann")

    assert (result.exit_code, result.output) == (0, "ann is signed out everywhere: 2 tokens have ended.\n")
    assert [await look(token) for token in tokens] == [None, None]
    assert await look(others)


async def test_tokens_that_are_no_good_are_deleted(
    type_in: Callable, look: Callable, database: Database, ann: User
) -> None:
    now = datetime.now(UTC)
    good = await TokenFactory.clear_for(database, ann)
    await TokenFactory.clear_for(database, ann, expires_at=now - timedelta(seconds=1))
    await TokenFactory.clear_for(database, ann, last_used_at=now - timedelta(days=31))

    said = [(await type_in(clearsessions)).output for _ in range(2)]

    assert said == ["2 tokens were deleted.\n", "0 tokens were deleted.\n"]
    assert await look(good)
