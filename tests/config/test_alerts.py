"""The alert rules speak of metrics that there are, and of bounds that a histogram can tell."""

import re

import asyncpg
import pytest
import yaml

from app.platform.database.slots import WAIT, Limits, SlotPool
from app.platform.events.figures import event_figures
from app.platform.figures import figures_page
from app.platform.jobs.figures import job_figures
from app.platform.mail.figures import mail_figures
from app.platform.observability.metrics import metrics_page
from config.settings import ROOT

RULES = yaml.safe_load((ROOT / "config" / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
BY_NAME = {rule["alert"]: rule for rule in RULES}
PROMETHEUS_OWN = {"up"}
WORDS = {
    "histogram_quantile",
    "sum",
    "rate",
    "increase",
    "by",
    "ignoring",
    "and",
    "deriv",
    "job",
    "pool",
    "le",
    "state",
    "queue",
    "name",
    "outcome",
}


def names_in(expression: str) -> set[str]:
    """The metrics of an expression: what is neither a function, a label, a text nor a duration."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", "", expression)
    return set(re.findall(r"\b[a-z_]+\b", bare)) - WORDS


@pytest.fixture
async def exposed(database) -> set[str]:
    text = (metrics_page()[0] + await figures_page(database, event_figures, job_figures, mail_figures)).decode()
    named = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    return named.keys() | {f"{name}_bucket" for name, kind in named.items() if kind == "histogram"}


@pytest.mark.parametrize("alert", BY_NAME)
async def test_a_rule_is_about_metrics_that_there_are(alert: str, exposed):
    names = names_in(BY_NAME[alert]["expr"])
    assert names
    assert names <= exposed | PROMETHEUS_OWN


def test_every_rule_is_named_once_and_says_how_bad_it_is():
    assert len(BY_NAME) == len(RULES)
    assert {rule["labels"]["severity"] for rule in RULES} == {"warning", "critical"}
    assert all(rule["annotations"]["summary"] for rule in RULES)


@pytest.mark.parametrize("alert", ["LitehouseSlotWaitLong", "LitehouseSlotWaitVeryLong"])
def test_a_wait_is_compared_with_a_bound_of_the_histogram(alert: str):
    """Between two bounds a quantile is a guess."""
    threshold = float(BY_NAME[alert]["expr"].rpartition("> ")[2])
    WAIT.labels("alerts").observe(0)
    bounds = re.findall(r'database_slot_wait_seconds_bucket\{le="([^"]+)",pool="alerts"\}', metrics_page()[0].decode())
    WAIT.remove("alerts")
    assert threshold in map(float, bounds)


async def connect_to_nothing() -> asyncpg.Connection:
    raise ConnectionRefusedError


def test_the_states_of_slots_are_those_that_a_pool_tells():
    asked = {state for rule in RULES for state in re.findall(r'state="(\w+)"', rule["expr"]) if "slots" in rule["expr"]}
    assert asked == {"in_use", "size"}
    assert asked <= SlotPool("alerts", Limits(1, 1.0, 1.0, 1.0), connect_to_nothing).gauges().keys()
