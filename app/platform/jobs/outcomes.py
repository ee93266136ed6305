"""How attempts at jobs ended and how long they took, counted across all workers: these have no page of their own."""

import msgspec
from sqlalchemy import BigInteger, Column, Table, Text

from app.platform.database.model import Base
from app.platform.database.pools import Database
from app.platform.database.work import Reader, Source

DONE, FAILED, DEAD = "done", "failed", "dead"

# As many rows as there are jobs declared, times three.
outcome = Table(
    "platform_job_outcome",
    Base.metadata,
    Column("name", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("milliseconds", BigInteger, nullable=False),
)

ADD = """
INSERT INTO platform_job_outcome AS known (name, outcome, count, milliseconds)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (name, outcome) DO UPDATE SET count = known.count + excluded.count,
    milliseconds = known.milliseconds + excluded.milliseconds
"""
TOTALS = "SELECT name, outcome, count, milliseconds FROM platform_job_outcome ORDER BY name, outcome"


class Total(msgspec.Struct):
    """How many attempts at a job ended so, and how many milliseconds they took together."""

    name: str
    outcome: str
    count: int = 0
    milliseconds: float = 0.0


async def totals(source: Source) -> list[Total]:
    """Of all jobs that were ever tried."""
    return [Total(*row) for row in await source.fetch(TOTALS, ())]


class Outcomes:
    """What this process has seen, until it is written to the others': now and then, by one statement."""

    def __init__(self, database: Database) -> None:
        self._statements = Reader(database.write)
        self._unwritten: dict[tuple[str, str], Total] = {}

    def add(self, name: str, outcome: str, seconds: float) -> None:
        """One more attempt."""
        total = self._unwritten.setdefault((name, outcome), Total(name, outcome))
        total.count += 1
        total.milliseconds += 1000 * seconds

    async def write(self) -> None:
        """Add it; in an order that all processes keep to, so that no two wait for each other crosswise."""
        if not self._unwritten:
            return
        mine, self._unwritten = self._unwritten, {}
        rows = [mine[key] for key in sorted(mine)]
        try:
            await self._statements.fetch(ADD, tuple(map(list, zip(*map(_columns, rows), strict=True))))
        except BaseException:
            for one in rows:
                self._keep(one)
            raise

    def _keep(self, one: Total) -> None:
        total = self._unwritten.setdefault((one.name, one.outcome), Total(one.name, one.outcome))
        total.count += one.count
        total.milliseconds += one.milliseconds


def _columns(one: Total) -> tuple[str, str, int, int]:
    return one.name, one.outcome, one.count, round(one.milliseconds)
