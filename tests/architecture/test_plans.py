"""No statement of the house scans a table that grows; which indexes each one reads is written beside its module."""

import asyncio

import pytest

from tests.architecture.plans import ROOT, Plan, gathered, written
from tests.databases import cloned

# What may be read whole, and why: {(the statement's name, the table): the reason}.
SCANNED: dict[tuple[str, str], str] = {
    ("newest_endpoints first slice", "webhooks_endpoint"): "here all are deleted, of which a job leaves none in truth",
    ("newest_entries operation first slice", "audit_entry"): "here few are of one kind; of many, the key finds them",
    ("forget_uploads", "admin_upload"): "files that wait for a day at most, by a job of the night",
}


@pytest.fixture(scope="module")
def plans(server_url: str, template: str) -> list[Plan]:
    """The plans of all statements, in a database with twenty thousand rows in every table."""
    with cloned(server_url, template) as url:
        return asyncio.run(gathered(url))


def test_no_statement_scans_a_table_that_grows(plans):
    assert {(plan.name, table) for plan in plans for table in plan.scanned} == SCANNED.keys()


def test_the_indexes_that_statements_read_are_written_down(plans):
    texts = written(plans)
    found = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "domain").rglob("plans.txt")}
    assert found == texts, "look at what has changed, then: python -m tests.architecture.plans"
