"""What one changes at the site: by verbs, all or nothing, and never over what another has changed meanwhile."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from litestar import Litestar

from app.domain.admin import jobs
from tests.conftest import Aside
from tests.domain.admin.conftest import Browser
from tests.domain.admin.test_site import names

Enter = Callable[..., Awaitable[Browser]]

pytestmark = pytest.mark.usefixtures("offered")


@pytest.fixture
async def admin(staff: Enter) -> Browser:
    return await staff(is_superuser=True)


async def test_a_model_with_no_service_is_made_changed_and_removed(admin: Browser, aside: Aside):
    answer = await admin.submit(await admin.page("/groups/new"), "/groups/new", name="Seals")
    path = answer.headers["location"].removeprefix("/admin")
    assert "Seals" in await admin.page(path)
    await admin.submit(await admin.page(f"{path}/edit"), f"{path}/edit", name="Sea lions")
    assert await names(aside) == ["Sea lions"]
    await admin.submit(await admin.page(f"{path}/edit"), f"{path}/delete")
    assert await names(aside) == []


async def test_what_the_database_refuses_stands_beside_its_field(admin: Browser, whales: str, aside: Aside):
    form = await admin.page("/groups/new")
    answer = await admin.submit(form, "/groups/new", 422, name="whales")
    assert "has already been taken" in answer.text
    assert await names(aside) == ["Whales"]


async def test_every_fault_is_told_at_once_and_beside_its_field(admin: Browser):
    form = await admin.page("/rules/new")
    answer = await admin.submit(form, "/rules/new", 422, name="x" * 30, reason="")
    assert answer.text.count("This field is required") == 2  # in the list of problems, and at the field
    assert "20" in answer.text


async def test_the_second_of_two_editors_is_shown_the_difference(
    admin: Browser, staff: Enter, whales: str, aside: Aside
):
    other, path = await staff(is_superuser=True), f"/groups/{whales}/edit"
    seen, seen_too = await admin.page(path), await other.page(path)
    await other.submit(seen_too, path, name="Great whales")
    answer = await admin.submit(seen, path, 422, name="Small whales")
    assert '<del class="text-muted">Whales</del>' in answer.text
    assert "<ins>Great whales</ins>" in answer.text
    assert 'value="Small whales"' in answer.text or ">Small whales<" in answer.text
    assert await names(aside) == ["Great whales"]
    await admin.submit(answer.text, path, name="Small whales")  # knowing it
    assert await names(aside) == ["Small whales"]


async def test_of_two_at_once_one_is_told(admin: Browser, staff: Enter, whales: str, aside: Aside):
    other, path = await staff(is_superuser=True), f"/groups/{whales}/edit"
    forms = await admin.page(path), await other.page(path)
    answers = await asyncio.gather(
        *(
            one.post(f"/admin{path}", data=one.hidden(form) | {"name": name}, headers={"Sec-Fetch-Site": "same-origin"})
            for one, form, name in ((admin, forms[0], "A"), (other, forms[1], "B"))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [303, 422]


async def test_an_action_is_all_or_nothing(admin: Browser, aside: Aside):
    keys = await groups(aside, "Cod", "Eel", "Whales")
    listed = await admin.page("/rules")
    await admin.submit(listed, "/rules/action/rename", keys=keys, ending="-of-the-sea")
    assert await names(aside) == ["Cod", "Eel", "Whales"]
    assert "Whales may not be renamed" in await admin.page("/rules")
    await admin.submit(listed, "/rules/action/rename", keys=keys[:2], ending="-of-the-sea")
    assert await names(aside) == ["Cod-of-the-sea", "Eel-of-the-sea", "Whales"]
    assert "Renamed. (2)" in await admin.page("/rules")


async def test_what_an_action_asks_for_is_validated(admin: Browser, aside: Aside):
    keys = await groups(aside, "Cod")
    await admin.submit(await admin.page("/rules"), "/rules/action/rename", keys=keys, ending="")
    assert "was not done" in await admin.page("/rules")
    assert await names(aside) == ["Cod"]


async def test_more_than_a_hundred_rows_are_a_job_s(
    admin: Browser, app: Litestar, aside: Aside, statements, monkeypatch, do_jobs
):
    await groups(aside, *(f"g{number}" for number in range(120)))
    listed = await admin.page("/rules")
    with statements(at_most=12):
        await admin.submit(listed, "/rules/action/rename", everything="1", ending="!")
    assert len([name for name in await names(aside) if name.endswith("!")]) == 0
    page = await admin.page("/rules")
    assert "120 rows are left to a job" in page
    assert "/admin/-/jobs?job=" in page
    [done] = await do_jobs()
    assert (done["state"], done["result"], done["step"]) == ("done", "120 rows", 120)
    assert len([name for name in await names(aside) if name.endswith("!")]) == 120


async def test_what_many_rows_are_left_to_goes_on_where_it_failed(admin: Browser, aside: Aside, monkeypatch, do_jobs):
    monkeypatch.setattr(jobs, "MOST", 50)
    for some in ([f"a{number}" for number in range(60)], ["Whales"], [f"b{number}" for number in range(60)]):
        await groups(aside, *some)
    await admin.submit(await admin.page("/rules"), "/rules/action/rename", everything="1", ending="!")
    first, failed = await do_jobs()
    assert (first["state"], failed["state"]) == ("done", "dead")
    assert first["result"].startswith("50 rows; the rest is left to")
    assert len([name for name in await names(aside) if name.endswith("!")]) == 50, "of the next ones none"

    await (await aside.connection()).execute("UPDATE accounts_group SET name = 'Small whales' WHERE name = 'Whales'")
    dead = re.search(r'name="job" value="([0-9a-f-]{36})"', await admin.page("/-/jobs?state=dead"))
    await admin.deed("/-/jobs?state=dead", "retry", job=dead[1])
    assert [(one["state"], one["step"]) for one in await do_jobs()] == [("done", 50), ("done", 100), ("done", 121)]
    assert len([name for name in await names(aside) if name.endswith("!")]) == 121


async def test_a_job_does_nothing_for_who_may_no_longer(admin: Browser, aside: Aside, do_jobs):
    await groups(aside, *(f"g{number}" for number in range(120)))
    await admin.submit(await admin.page("/rules"), "/rules/action/rename", everything="1", ending="!")
    await (await aside.connection()).execute("UPDATE accounts_user SET is_superuser = false")
    [done] = await do_jobs()
    assert done["state"] == "dead"
    assert len([name for name in await names(aside) if name.endswith("!")]) == 0


async def test_the_number_of_rows_costs_no_statement(admin: Browser, aside: Aside, statements):
    await groups(aside, "one")
    await admin.page("/groups")
    with statements() as of_one:
        await admin.page("/groups")
    await groups(aside, *(f"g{number}" for number in range(60)))
    with statements(at_most=len(of_one)):
        await admin.page("/groups")
    assert len([sent for sent in of_one if sent not in {"BEGIN", "ROLLBACK"}]) <= 6, of_one


async def groups(aside: Aside, *names: str) -> list[str]:
    connection = await aside.connection()
    made = await connection.fetch(
        "INSERT INTO accounts_group (name) SELECT name FROM unnest($1::text[]) AS name RETURNING id, name", list(names)
    )
    return [str(row["id"]) for row in sorted(made, key=lambda row: row["name"])]
