"""What stands in the tables, read and changed past the doors."""

from typing import Any

from app.platform.database.pools import Database


async def execute(database: Database, statement: str) -> None:
    work = database.unit_of_work()
    await work.run(lambda: work.fetch(statement, ()))


async def stored(database: Database, question: str) -> Any:
    """The first value of the first row."""
    [row, *_] = await database.reader().fetch(question, ())
    return row[0]
