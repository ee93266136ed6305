"""What the crash test runs: a copy of the project with the ledger in it, and with faults where a control wants them."""

import asyncio
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.platform import migrations
from tests.e2e.running import ROOT

LEDGER = Path(__file__).with_name("ledger")


@dataclass(frozen=True)
class Patch:
    """A text of a file that must be there, once, and what stands there instead."""

    file: str
    text: str
    instead: str

    def apply(self, folder: Path) -> None:
        """Raises AssertionError where the code is another one by now."""
        path = folder / self.file
        found = path.read_text()
        assert found.count(self.text) == 1, f"{self.file} has not once: {self.text}"
        path.write_text(found.replace(self.text, self.instead))


# A lease that is lost in seconds can be waited for.
SHORT_LEASES = (
    Patch("app/platform/jobs/leases.py", "SECONDS = 30.0  #", "SECONDS = 2.0  #"),
    Patch("app/platform/jobs/leases.py", "RENEWED_EVERY = 10.0", "RENEWED_EVERY = 0.5"),
    Patch("app/platform/jobs/running.py", "EXPIRES_EVERY = 5.0", "EXPIRES_EVERY = 0.5"),
)
# A job is queued beside the transaction that wants it, once that is committed: as others do it.
ENQUEUED_OUTSIDE = (
    Patch(
        "app/platform/database/work.py",
        "        return await enqueue(self.fetch, call, due, self.viewer)\n",
        "        fetch, viewer = Reader(self._pool).fetch, self.viewer\n"
        "        self.after_commit(lambda: asyncio.ensure_future(enqueue(fetch, call, due, viewer)))\n",
    ),
)
# A commit is acknowledged before it is on the disk.
COMMITTED_LATE = (
    Patch("app/platform/database/pools.py", '"jit": "off",', '"jit": "off", "synchronous_commit": "off",'),
)
# Whoever finishes a job is believed, whether it is still theirs or not.
UNFENCED = (
    Patch(
        "app/platform/jobs/leases.py",
        "WHERE id = $1 AND lease = $2 AND state = 'running' RETURNING id, then_id",
        "WHERE id = $1 AND $2::int IS NOT NULL RETURNING id, then_id",
    ),
    Patch("app/platform/jobs/running.py", "if task is not None and (one.id, one.lease) not in mine:", "if False:"),
)


def install(folder: Path, faults: Iterable[Patch] = ()) -> None:
    """Copy the project to the folder, put the ledger in as its last module, and apply the patches."""
    for part in ("app", "config"):  # with what is compiled, which holds for the copy too
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.pyc.*"))
    ledger = folder / "app" / "domain" / "ledger"
    shutil.copytree(LEDGER, ledger, ignore=shutil.ignore_patterns("__pycache__"))
    for patch in (Patch("config/modules.py", "\n)\n", '\n    "ledger",\n)\n'), *SHORT_LEASES, *faults):
        patch.apply(folder)


def lay_out(url: str) -> None:
    """Make the tables, the ledger's too, in an empty database."""
    migrations.upgrade(url)
    asyncio.run(_execute(url, (LEDGER / "tables.sql").read_text()))


async def _execute(url: str, script: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()
