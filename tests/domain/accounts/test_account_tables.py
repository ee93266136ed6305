"""What the tables of accounts see to by themselves."""

from collections.abc import AsyncIterator

import asyncpg
import pytest


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees one user of long ago, in a transaction that is given up after the test."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("""
        BEGIN;
        INSERT INTO accounts_user (username, email, password, updated_at)
        VALUES ('Ann', 'ann@example.com', '!', '2001-01-01+0')
    """)
    yield connection
    await connection.execute("ROLLBACK")
    await connection.close()


@pytest.mark.parametrize(
    ("change", "is_touched"),
    [
        pytest.param("bio = 'I read'", True, id="content"),
        pytest.param("username = 'Anne'", True, id="name"),
        pytest.param("password = 'hashed anew'", False, id="password"),
        pytest.param("is_active = false", False, id="status"),
    ],
)
async def test_a_user_has_changed_when_what_others_see_has(connection, change, is_touched):
    await connection.execute(f"UPDATE accounts_user SET {change}")
    assert await connection.fetchval("SELECT updated_at = now() FROM accounts_user") is is_touched


@pytest.mark.parametrize(
    ("username", "email"), [("ANN", "other@example.com"), ("other", "ANN@example.com")], ids=["name", "address"]
)
async def test_a_name_and_an_address_are_taken_in_any_case(connection, username, email):
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(
            "INSERT INTO accounts_user (username, email, password) VALUES ($1, $2, '!')", username, email
        )
