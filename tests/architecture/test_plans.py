"""No statement of the house scans a table that grows; which indexes each one reads is written beside its module."""

import asyncio

import pytest

from tests.architecture.plans import ROOT, gathered, written
from tests.databases import cloned

# What may be read whole, and why: {(the statement's name, the table): the reason}.
SCANNED: dict[tuple[str, str], str] = {
    ("newest_endpoints first slice", "webhooks_endpoint"): "here all are deleted, of which a job leaves none in truth",
    ("forget_uploads", "admin_upload"): "files that wait for a day at most, by a job of the night",
}


# Without a module the statements of the others run as before; of an index that they would lose with it, `check` tells.
@pytest.mark.long(15)
@pytest.mark.timeout(300)
def test_no_statement_scans_a_table_that_grows_and_the_indexes_that_each_reads_are_written_down(
    server_url: str, template: str
):
    """In a database with twenty thousand rows in every table, for which one test is enough: to fill it takes long."""
    with cloned(server_url, template) as url:
        plans = asyncio.run(gathered(url))
    assert {(plan.name, table) for plan in plans for table in plan.scanned} == SCANNED.keys()
    found = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "domain").rglob("plans.txt")}
    assert found == written(plans), "look at what has changed, then: python -m tests.architecture.plans"
