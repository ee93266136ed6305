"""Who may do what is committed as well: a route that is opened to more people shows in the change.

The file says what the routes declare; here each is called, by everyone that the file has a column for, and the same has
to come out.
"""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner
from litestar import Litestar

from app.main import create_app
from app.platform.cli import console
from app.platform.console import sight
from config.settings import load
from tests.conftest import SignedIn

COMMITTED = Path(__file__).with_name("permissions.txt")
HEADINGS, *ROWS = (line.split() for line in COMMITTED.read_text(encoding="utf-8").splitlines())
ROLES = HEADINGS[3:]
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
# What stands in a path for a parameter of this kind: nothing that is there.
VALUES: dict[str, Callable[[], object]] = {"uuid": uuid4, "str": lambda: "nothing"}


def test_the_committed_permissions_are_those_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sight, "CONTRACTS", tmp_path)
    assert CliRunner().invoke(console, ["contracts"]).exit_code == 0
    assert (tmp_path / COMMITTED.name).read_text() == COMMITTED.read_text(), (
        "run `just contracts`, and look at the change"
    )


@pytest.fixture(scope="module")
async def whole(house: Litestar, database_url: str) -> AsyncIterator[Litestar]:
    """An application that offers all that can be offered, and has closed its metrics to strangers."""
    environ = {
        "DATABASE_URL": database_url,
        "LITEHOUSE_ENVIRONMENT": "development",
        "LITEHOUSE_METRICS_TOKEN": "of-the-scraper-alone",
    }
    whole = create_app(load(env_file=None, environ=environ))
    async with whole.lifespan():
        yield whole


@pytest.fixture
async def visitor(whole: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    transport = httpx.ASGITransport(whole, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as visitor:
        yield visitor


@pytest.fixture
def ask(visitor: httpx.AsyncClient, sign_in: Callable, prove: Callable) -> Callable:
    """Call a route as somebody who has not done anything yet, from a page of ours, with nothing in hand; the status."""

    async def status(role: str, method: str, path: str) -> int:
        me = await somebody(sign_in, role)
        if me is not None:
            await prove(me)
        body = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
        answer = await visitor.request(method, filled(path), **body, auth=me, headers=OUR_PAGE)
        assert answer.status_code < 500, answer.text
        return answer.status_code

    return status


async def somebody(sign_in: Callable, role: str) -> SignedIn | None:
    if role == "ANONYMOUS":
        return None
    return await sign_in(is_staff=role == "STAFF", is_superuser=role == "SUPERUSER")


def filled(path: str) -> str:
    return re.sub(r"{\w+:(\w+)}", lambda match: str(VALUES[match[1]]()), path)


@pytest.mark.parametrize(
    ("method", "path", "permission", "expected"),
    [pytest.param(*row[:3], row[3:], id=" ".join(row[:2])) for row in ROWS],
)
async def test_a_route_admits_whom_the_file_says(
    ask: Callable, method: str, path: str, permission: str, expected: list[str]
):
    statuses = [await ask(role, method, path) for role in ROLES]
    found = [str(status) if status in (401, 403) else sight.ADMITTED for status in statuses]
    if permission == "self_checked":
        assert set(expected) == {sight.ITSELF}
        assert found == ["401"] * len(ROLES), "it knows no users, and lets none of them in"
    else:
        assert found == expected


async def test_every_route_that_is_served_is_in_the_file(whole: Litestar):
    """One beside the house's own handlers would be in no list of theirs."""
    served = {(str(method), route.path) for route in whole.routes for method in route.methods}
    assert {(method, path) for method, path in served if method != "OPTIONS"} == {(row[0], row[1]) for row in ROWS}
