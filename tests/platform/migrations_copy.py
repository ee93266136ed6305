"""A copy of the migrations for a test to add to, and a look at what migrations leave in a database."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import asyncpg

from app.platform.revisions import FOLDER, Revisions

# Everything that a migration can leave behind, as PostgreSQL would write it down.
SCHEMA = """
    SELECT 'column', format('%s.%s', attrelid::regclass, attname), format_type(atttypid, atttypmod),
           concat(attnotnull, attidentity, pg_get_expr(adbin, adrelid))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
    UNION ALL
    SELECT 'constraint', conname, conrelid::regclass::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', relname, '', pg_get_indexdef(oid)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'i'
    UNION ALL
    SELECT 'trigger', tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', proname, '', pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')  -- an extension's own
    UNION ALL
    SELECT 'view', relname, '', pg_get_viewdef(oid)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
    UNION ALL
    SELECT 'text search', cfgname, '', '' FROM pg_ts_config WHERE cfgnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'type', typname, '', '' FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
"""


async def _fetch(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


def fetch(url: str, query: str) -> list[asyncpg.Record]:
    return asyncio.run(_fetch(url, query))


def schema(url: str) -> set[tuple[str, ...]]:
    return {tuple(row) for row in fetch(url, SCHEMA) if "alembic_version" not in "".join(row)}


def tables(url: str) -> set[str]:
    return {row["tablename"] for row in fetch(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it never came to be"
        sleep(0.02)


REVISION = '''
"""{title}"""

from alembic import op

revision = "{branch}_{number}"
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {depends_on!r}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    {body}


def downgrade() -> None:
    pass
'''


class Copy:
    """A copy of the migrations folder, at `path`."""

    def __init__(self, place: Path) -> None:
        self.path = place / "migrations"
        shutil.copytree(FOLDER, self.path, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def revisions(self) -> Revisions:
        return Revisions(self.path)

    def add(self, branch: str, body: str = "pass", *, title: str = "Addition", depends_on: str | None = None) -> str:
        """Write a branch's next revision, which does `body`; returns its name."""
        number, head = self.revisions.next_number(branch), self.revisions.head(branch)
        self.write(branch, number, body, title=title, down=head, depends_on=depends_on)
        return f"{branch}_{number}"

    def write(
        self,
        branch: str,
        number: str,
        body: str = "pass",
        *,
        title: str = "Addition",
        down: str | None = None,
        depends_on: str | None = None,
    ) -> None:
        """Write a revision, a wrong one perhaps."""
        file = self.path / "versions" / branch / f"{number}_{title.lower()}.py"
        file.parent.mkdir(exist_ok=True)
        labels = None if down else (branch,)
        text = REVISION.format(
            title=title, branch=branch, number=number, down=down, labels=labels, depends_on=depends_on, body=body
        )
        file.write_text(text)
