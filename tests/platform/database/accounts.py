"""What is taken from an account, and what is left."""

import asyncpg

TAKE = "UPDATE account SET balance = balance - 1 WHERE id = $1 RETURNING balance"


async def balance(admin: asyncpg.Connection, account: int = 1) -> int:
    return await admin.fetchval("SELECT balance FROM account WHERE id = $1", account)
