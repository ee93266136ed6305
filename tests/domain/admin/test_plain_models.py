"""Models that have no service, as a module's author first shows them: nothing is lost, and what is refused is told."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import pytest
from adminsite import Field
from adminsite.filters import ChoiceFilter
from litestar import Litestar
from sqlalchemy import ForeignKey, Select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from starlette.requests import Request

from app.domain.accounts.policies import MANAGE_USERS
from app.domain.admin import building, opening
from app.platform.admin import counting
from app.platform.admin.filters import MadeFilter
from app.platform.admin.inline import Rows
from app.platform.admin.model_admin import Access, ModelAdmin
from app.platform.admin.staff import viewer_of
from tests.conftest import Aside
from tests.domain.admin.conftest import OURS, Browser, told

Enter = Callable[..., Awaitable[Browser]]

SITES: Any = WeakKeyDictionary()
KINDS = (("blue", "Blue"), ("grey", "Grey"))
COUNT = re.compile(r"<span[^>]*hx-swap-oob[^>]*>\s*(\d+)\s*</span>")
TABLES = """
CREATE TABLE sea_pod (id uuid PRIMARY KEY DEFAULT uuidv7(), name text NOT NULL);
CREATE TABLE sea_whale (
    id uuid PRIMARY KEY DEFAULT uuidv7(), name text NOT NULL, sings boolean NOT NULL DEFAULT true,
    kind text NOT NULL DEFAULT 'blue', age integer NOT NULL DEFAULT 0, pod_id uuid REFERENCES sea_pod,
    mother_id uuid REFERENCES sea_whale
);
CREATE TABLE sea_calf (
    id uuid PRIMARY KEY DEFAULT uuidv7(), name text NOT NULL,
    whale_id uuid NOT NULL REFERENCES sea_whale ON DELETE CASCADE
);
"""


class Sea(DeclarativeBase):
    """Tables that are there for these tests alone."""


class Pod(Sea):
    __tablename__ = "sea_pod"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    name: Mapped[str]


class Whale(Sea):
    __tablename__ = "sea_whale"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    name: Mapped[str]
    sings: Mapped[bool] = mapped_column(server_default=text("true"))
    kind: Mapped[str] = mapped_column(server_default=text("'blue'"))
    age: Mapped[int] = mapped_column(server_default="0")
    pod_id: Mapped[UUID | None] = mapped_column(ForeignKey(Pod.id))
    mother_id: Mapped[UUID | None] = mapped_column(ForeignKey("sea_whale.id"))

    pod: Mapped[Pod | None] = relationship(lazy="raise")
    mother: Mapped["Whale | None"] = relationship(lazy="raise", remote_side="Whale.id")
    calves: Mapped[list["Calf"]] = relationship(lazy="raise")


class Calf(Sea):
    __tablename__ = "sea_calf"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    name: Mapped[str]
    whale_id: Mapped[UUID] = mapped_column(ForeignKey(Whale.id, ondelete="CASCADE"))


class PodAdmin(ModelAdmin[Pod]):
    """For superusers alone."""

    fields = (Pod.name,)
    record_title = "{name}"


class CalfAdmin(ModelAdmin[Calf]):
    """In the forms of their mothers, too."""

    access = Access(MANAGE_USERS, MANAGE_USERS, MANAGE_USERS, MANAGE_USERS)
    fields = (Calf.name,)


class WhaleAdmin(ModelAdmin[Whale]):
    """For those who manage users, except what is the superusers'."""

    access = Access(MANAGE_USERS, MANAGE_USERS, MANAGE_USERS, MANAGE_USERS)
    fields = (Whale.name, Field(Whale.sings, label="Voice"), Whale.kind, Whale.age, Whale.pod, Whale.mother)
    record_title = "{name}"
    list_filters = (
        Whale.sings,
        MadeFilter("born", path="id"),
        Whale.age,
        Whale.pod,
        ChoiceFilter("kind", choices=KINDS, show_counts=False),
    )
    bulk_editable_fields = (Whale.age,)
    inlines = (Rows(Whale.calves, of=CalfAdmin, parent="whale", fields=(Calf.name,), blank_rows=1),)

    def scope_query(self, statement: Select[Any], *, request: Request) -> Select[Any]:
        """Whales that do not sing are the superusers'."""
        return statement if viewer_of(request).is_superuser else statement.where(Whale.sings)


@pytest.fixture(autouse=True)
async def sea(app: Litestar, aside: Aside, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A site of whales, and a connection on which one sees what became of them."""
    monkeypatch.setattr(building, "offered", lambda _modules: [PodAdmin, WhaleAdmin, CalfAdmin])
    monkeypatch.setattr(opening, "_sites", SITES)
    monkeypatch.setattr(building, "_built", lru_cache(building._built.__wrapped__))
    connection = await aside.connection()
    await connection.execute(TABLES)
    yield connection
    await connection.execute("DROP TABLE sea_calf, sea_whale, sea_pod")


async def whale(sea: Any, name: str, **values: object) -> str:
    columns = {"name": name} | values
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    insert = f"INSERT INTO sea_whale ({', '.join(columns)}) VALUES ({places}) RETURNING id"
    return str(await sea.fetchval(insert, *columns.values()))


async def test_a_form_takes_no_link_away_that_its_editor_may_not_see(sea: Any, staff: Enter):
    pod = await sea.fetchval("INSERT INTO sea_pod (name) VALUES ('Southern') RETURNING id")
    mother = await whale(sea, "Old Nan", sings=False)
    path = f"/whales/{await whale(sea, 'Nan', pod_id=pod, mother_id=UUID(mother))}/edit"
    keeper = await staff(MANAGE_USERS)
    await keeper.submit(await keeper.page(path), path, name="Nanette", sings="true", kind="blue", age=1)
    found = await sea.fetchrow("SELECT * FROM sea_whale WHERE name = 'Nanette'")
    assert (found["age"], found["pod_id"], str(found["mother_id"])) == (1, pod, mother)

    chief = await staff(is_superuser=True)  # who sees them takes them away
    await chief.submit(await chief.page(path), path, name="Nan", sings="true", kind="blue", age=1, pod="", mother="")
    found = await sea.fetchrow("SELECT * FROM sea_whale WHERE name = 'Nan'")
    assert (found["pod_id"], found["mother_id"]) == (None, None)


async def test_what_goes_with_a_row_and_what_holds_it_is_the_databases_to_say(sea: Any, staff: Enter):
    key = await whale(sea, "Nan")
    await sea.execute("INSERT INTO sea_calf (name, whale_id) VALUES ('Tiny', $1)", UUID(key))
    held = await whale(sea, "Old Nan")
    await sea.execute("UPDATE sea_whale SET mother_id = $1 WHERE id = $2", UUID(held), UUID(key))
    chief = await staff(is_superuser=True)
    assert told(await chief.page(f"/whales/{held}/delete")) == ["holding Whales: 1"]
    assert told(await chief.page(f"/whales/{key}/delete")) == ["going Calfs: 1"]
    assert told(await chief.page(f"/whales/action/delete?keys={key}&keys={held}")) == ["going Calfs: 1"], "both go"
    await sea.execute("UPDATE sea_whale SET sings = false WHERE id = $1", UUID(key))
    keeper = await staff(MANAGE_USERS)
    assert told(await keeper.page(f"/whales/{held}/delete")) == [], "nothing of what is outside the view's scope"
    await keeper.page(f"/whales/{key}/delete", 404)
    await chief.submit(await chief.page(f"/whales/{held}"), f"/whales/{held}/delete")
    assert "is not a value that can be stored" not in (page := await chief.page(f"/whales/{held}"))
    assert 'role="alert"' in page
    await chief.submit(await chief.page(f"/whales/{key}"), f"/whales/{key}/delete")
    assert await sea.fetchval("SELECT count(*) FROM sea_calf") == 0
    assert await sea.fetchval("SELECT array_agg(name) FROM sea_whale") == ["Old Nan"]


async def test_a_new_form_begins_with_the_defaults_that_the_database_has(sea: Any, staff: Enter):
    chief = await staff(is_superuser=True)
    form = " ".join((await chief.page("/whales/new")).split())
    assert 'name="sings" value="true" checked' in form
    assert 'name="kind" value="blue"' in form or ">blue</textarea>" in form
    assert 'name="age" value="0"' in form


async def test_a_character_that_no_column_holds_is_told_beside_its_field(sea: Any, staff: Enter):
    chief, told = await staff(is_superuser=True), "This has a character in it that cannot be stored."
    calf = {"calves-count": 1, "calves-0-key": "", "calves-0-name": "Ti\0ny"}
    answer = await chief.submit(await chief.page("/whales/new"), "/whales/new", 422, name="N\0an", kind="blue", **calf)
    assert answer.text.count(told) == 4  # of each: in the list of problems, and at the field
    assert await sea.fetchval("SELECT count(*) FROM sea_whale") == 0


async def test_two_editors_of_a_row_inside_a_form(sea: Any, staff: Enter):
    """The second is shown the difference; who touched another row, or none, takes nothing back."""
    path, calves = f"/whales/{(key := await whale(sea, 'Nan'))}/edit", []
    for name in ("Tiny", "Mini", "Ann"):
        insert = "INSERT INTO sea_calf (name, whale_id) VALUES ($1, $2) RETURNING id"
        calves.append(str(await sea.fetchval(insert, name, UUID(key))))

    def form(*names: str, **more: object) -> dict[str, Any]:
        rows = {f"calves-{number}-key": calf for number, calf in enumerate(calves)}
        rows |= {f"calves-{number}-name": name for number, name in enumerate(names)}
        return {"name": "Nan", "kind": "blue", "age": 0, "sings": "true", "calves-count": 3, **rows, **more}

    async def there() -> list[str]:
        return await sea.fetchval("SELECT array_agg(name ORDER BY id) FROM sea_calf")

    chief = await staff(is_superuser=True)
    page = await chief.page(path)
    await chief.submit(page, path, **form("Big", "Mini", "Ann"))  # as another would, meanwhile
    await chief.submit(page, path, **form("Tiny", "Mini", "Anna"))
    assert await there() == ["Big", "Mini", "Anna"], "of a row that was not touched nothing is said"

    refused = await chief.submit(page, path, 422, **form("Small", "Mini", "Annie"))
    assert "Tiny</del>" in refused.text.replace("\n", "")
    assert "<ins>Big</ins>" in refused.text
    assert "<ins>Anna</ins>" in refused.text, "all rows at once"
    assert 'value="Small"' in refused.text or ">Small<" in refused.text
    await chief.submit(page, path, 422, **form("Tiny", "Mini", "Ann", **{"calves-2-delete": "on"}))
    assert await there() == ["Big", "Mini", "Anna"]
    await chief.submit(refused.text, path, **form("Small", "Mini", "Anna"))  # knowing it
    assert await there() == ["Small", "Mini", "Anna"]

    gone = await chief.page(path)
    await sea.execute("DELETE FROM sea_calf WHERE name = 'Mini'")
    await chief.submit(gone, path, **form("Small", "Mini", "Anne"))
    assert await there() == ["Small", "Anne"], "one that is gone holds nobody up who did not touch it"
    await chief.submit(gone, path, 422, **form("Small", "Minnie", "Anne"))


async def test_an_action_needs_rows_and_leaves_those_alone_that_one_may_not_see(sea: Any, staff: Enter, do_jobs: Any):
    keeper = await staff(MANAGE_USERS)
    await sea.execute("INSERT INTO sea_whale (name) SELECT 'w' || n FROM generate_series(1, 101) AS n")
    listed, asked = await keeper.page("/whales/new"), {"change_age": "true", "age": 7}
    for none in ({}, {"keys": await whale(sea, "Mute", sings=False)}):
        await keeper.submit(listed, "/whales/action/change", **asked, **none)
        assert "Choose rows first" in await keeper.page("/whales/new")
    await keeper.submit(listed, "/whales/action/change", **asked, everything="1")
    await sea.execute("UPDATE sea_whale SET sings = false WHERE name = 'w1'")  # before the job is done
    [done] = await do_jobs()
    assert (done["state"], done["result"]) == ("done", "100 rows")
    assert await sea.fetchval("SELECT count(*) FROM sea_whale WHERE age = 0") == 2


async def test_a_filter_that_is_not_right_lists_nothing_and_says_what_would_be(sea: Any, staff: Enter):
    await whale(sea, "Nan", age=7)
    chief, pod = (
        await staff(is_superuser=True),
        await sea.fetchval("INSERT INTO sea_pod (name) VALUES ('S') RETURNING id"),
    )
    days = "must be the first day and the last, as 2026-11-01,2026-11-30; one of them may be left out"
    numbers = "must be whole numbers from -2147483648 to 2147483647"
    for name, label, good, wrong in (
        ("sings", "Voice", "true", {"yes": "must be true or false"}),
        (
            "born",
            "Born",
            "today",
            {"soon": days, "2026-02-30": days, "2026-11-02,2026-11-01": "must not end before it begins"},
        ),
        (
            "age",
            "Age",
            "5,10",
            {"old,": "must be the least number", "1.5,": numbers, "1,99999999999": numbers, "9,1": "must not"},
        ),
        ("kind", "Kind", "blue", {"pink": "must be one of blue, grey"}),
        ("pod", "Pod", str(pod), {"southern": "must be keys of records"}),
    ):
        assert (">Nan<" in await chief.page(f"/whales?{name}={good}")) == (name != "pod"), name
        for value, right in wrong.items():
            page = await chief.page(f"/whales?{name}={value}", 422)
            beside = page[page.index(f'id="wrong-{name}"') :].partition("</li>")[0]
            assert label in beside, (name, value)
            assert right in beside, (name, value)
            assert 'href="/admin/whales"' in beside, "how to be without it"
            assert ">Nan<" not in page

    every = "/whales?sings=yes&age=old&q=n"
    page = await chief.page(every, 422)
    assert [f'id="wrong-{name}"' in page for name in ("sings", "age", "born")] == [True, True, False], "all at once"
    partial = await chief.get(f"/admin{every}", headers={"HX-Request": "true"})
    assert (partial.status_code, partial.headers["hx-redirect"]) == (422, f"/admin{every}")
    assert "sings must be true or false" in await chief.page("/whales/export?sings=yes", 422)
    form = chief.hidden(page) | {"everything": "1", "change_age": "true", "age": 9}
    refused = await chief.post("/admin/whales/action/change?sings=yes", data=form, headers=OURS)
    assert (refused.status_code, await sea.fetchval("SELECT age FROM sea_whale")) == (422, 7)


async def test_choices_of_filters_are_counted_up_to_a_limit(sea: Any, staff: Enter, monkeypatch: pytest.MonkeyPatch):
    await whale(sea, "Mute", sings=False)
    await whale(sea, "Nan")
    await whale(sea, "Old Nan")
    chief = await staff(is_superuser=True)
    drawer = {"HX-Request": "true", "HX-Trigger": "filters"}
    counted = (await chief.get("/admin/whales", headers=drawer)).text
    assert [*map(int, COUNT.findall(counted))] == [2, 1]
    assert '<legend class="mb-2 text-label font-semibold">Voice</legend>' in await chief.page("/whales")
    assert "filter-born-count" not in counted  # the drawer has no place for it, and the browser's console would say so
    monkeypatch.setattr(counting, "MOST_COUNTED", 2)
    assert COUNT.findall((await chief.get("/admin/whales", headers=drawer)).text) == []
