"""What stands in the tables of a running house, read and written past it."""

import asyncio

import asyncpg

PUBLISH = "INSERT INTO platform_outbox (name, subject, payload) VALUES ($1, 'ship:Argo', '{}')"


def fetch(url: str, statement: str, *given: object) -> list[str]:
    """The first column."""

    async def fetch() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            return [row[0] for row in await connection.fetch(statement, *given)]
        finally:
            await connection.close()

    return asyncio.run(fetch())
