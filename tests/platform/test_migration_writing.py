"""Revisions written from the models, and the removal of a module from databases that have it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped

from app.platform import migration_writing, revisions
from app.platform.database.model import Identified, Timestamped
from app.platform.migration_writing import differences, make, metadata, module_of, write_removal
from app.platform.migrations import downgrade, history, pending, upgrade
from app.platform.revisions import MigrationError
from config.modules import MODULES
from tests.platform.migrations_copy import Copy, fetch, schema, tables

LAST = MODULES[-1]
KNOWN = "from app.platform.migration_writing import metadata; print(*metadata().tables)"


@pytest.fixture
def shop(monkeypatch) -> MetaData:
    """The tables of a new module, `shop`, which may refer to those of the others."""
    present = metadata()
    with_shop = MetaData(naming_convention=present.naming_convention)
    for table in present.sorted_tables:
        table.to_metadata(with_shop)
    for place in (migration_writing, revisions):
        monkeypatch.setattr(place, "MODULES", (*MODULES, "shop"))
    monkeypatch.setattr(migration_writing, "metadata", lambda: with_shop)
    return with_shop


def reference(module: str, tables: MetaData) -> ForeignKey:
    """A foreign key to a table of the module."""
    owned = (table for table in tables.sorted_tables if module_of(table.name) == module)
    return ForeignKey(next(table.c.id for table in owned if "id" in table.c))


def write(module: str, message: str, url: str, copy: Copy, *, empty: bool = False) -> Path:
    """Make a revision in the copy, where there is something to make one of."""
    path = make(module, message, url, empty=empty, folder=copy.path)
    assert path, "there is no difference"
    return path


def test_the_models_and_the_migrations_agree(database_url):
    assert differences(database_url) == []


def test_a_process_that_compares_alone_knows_every_table_of_the_platform(database_url):
    """In this one the application was imported, with all of its models."""
    told = subprocess.run([sys.executable, "-c", KNOWN], capture_output=True, text=True, check=True).stdout.split()
    assert set(told) >= {table for table in tables(database_url) if table.startswith("platform_")}


def test_every_kind_of_difference_is_seen(fresh_database_url):
    changes = [
        "ADD COLUMN more int",
        "ALTER COLUMN value TYPE int",
        "ALTER COLUMN value DROP NOT NULL",
        "ALTER COLUMN created_at SET DEFAULT clock_timestamp()",
        "ADD CONSTRAINT uq_platform_counter_value UNIQUE (value)",
    ]
    fetch(fresh_database_url, f"ALTER TABLE platform_counter {', '.join(changes)}")
    found = " ".join(differences(fresh_database_url))
    kinds = {"remove_column", "modify_type", "modify_nullable", "modify_default", "remove_constraint"}
    assert {kind for kind in kinds if kind in found} == kinds


def test_a_missing_index_is_seen(fresh_database_url):
    query = """
        SELECT oid::regclass::text FROM pg_class
        WHERE relkind IN ('i', 'I') AND NOT relispartition AND relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = pg_class.oid)
    """
    indexes = [row[0] for row in fetch(fresh_database_url, query)]
    for index in indexes:
        fetch(fresh_database_url, f"DROP INDEX {index}")
    assert len(differences(fresh_database_url)) == len(indexes) > 0


def test_a_missing_touch_is_seen(fresh_database_url):
    """By whichever name it goes, and of whichever columns it is."""
    query = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgfoid = 'platform_touch'::regproc"
    found = fetch(fresh_database_url, query)
    for table, name in found:
        fetch(fresh_database_url, f"DROP TRIGGER {name} ON {table}")
    assert sorted(differences(fresh_database_url)) == sorted(
        f"('add_trigger', 'touch', '{table}')" for table, _ in found
    )
    assert found


def test_foreign_tables_are_left_alone(fresh_database_url):
    fetch(fresh_database_url, "CREATE TABLE neighbour ()")
    assert differences(fresh_database_url) == []


def test_a_new_module_s_first_revision_makes_its_branch(fresh_database_url, copy, shop):
    keeper = Column("keeper_id", Uuid, reference(MODULES[0], shop), nullable=False)
    Table("shop_shelf", shop, Column("id", Uuid, primary_key=True), keeper)
    before = schema(fresh_database_url)

    path = write("shop", 'Shelves, "solid" ones', fresh_database_url, copy)

    assert path == copy.path / "versions" / "shop" / "0001_shelves_solid_ones.py"
    (written,) = copy.revisions.of("shop")
    assert written.branch_labels == {"shop"}
    assert {"platform_0001", copy.revisions.head(MODULES[0])} <= copy.revisions.closure([written.revision])
    assert copy.revisions.closure([written.revision]).isdisjoint(
        script.revision for branch in MODULES[1:] for script in copy.revisions.of(branch)
    )
    assert "SET LOCAL lock_timeout" in path.read_text()
    assert pending(fresh_database_url, folder=copy.path) == ["shop_0001"]
    upgrade(fresh_database_url, folder=copy.path)
    assert differences(fresh_database_url, folder=copy.path) == []
    downgrade(fresh_database_url, "shop@base", folder=copy.path)
    assert schema(fresh_database_url) == before


def test_a_later_revision_holds_what_changed_and_depends_on_new_neighbours_only(fresh_database_url, copy, shop):
    shelf = Table("shop_shelf", shop, Column("id", Uuid, primary_key=True))
    write("shop", "Shelves", fresh_database_url, copy)
    upgrade(fresh_database_url, folder=copy.path)
    assert make("shop", "Nothing", fresh_database_url, folder=copy.path) is None

    shelf.append_column(Column("label", Text))
    shelf.append_column(Column("maker", reference(LAST, shop)))
    path = write("shop", "Labels", fresh_database_url, copy)

    assert path.name == "0002_labels.py"
    _, written = copy.revisions.of("shop")
    assert written.down_revision == "shop_0001"
    assert written.dependencies == copy.revisions.head(LAST)
    assert "create_table" not in path.read_text()
    upgrade(fresh_database_url, folder=copy.path)
    assert differences(fresh_database_url, folder=copy.path) == []


def shelf_of(shop: MetaData, *mixins: type) -> None:
    """The table of a model that has these mixins, in the place of the former one."""
    if "shop_shelf" in shop.tables:
        shop.remove(shop.tables["shop_shelf"])
    base = type("Shop", (DeclarativeBase,), {"metadata": shop})
    label = {"__tablename__": "shop_shelf", "__annotations__": {"label": Mapped[int]}}
    type("Shelf", (Identified, *mixins, base), label)


def touches(url: str) -> set[tuple[str, ...]]:
    return {row for row in schema(url) if row[0] == "trigger" and "shop_shelf" in row}


def test_a_touch_comes_and_goes_with_the_mixin(fresh_database_url, copy, shop):
    def applied(title: str) -> set[tuple[str, ...]]:
        write("shop", title, fresh_database_url, copy)
        upgrade(fresh_database_url, folder=copy.path)
        assert differences(fresh_database_url, folder=copy.path) == []
        return touches(fresh_database_url)

    def ran(statement: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in fetch(fresh_database_url, statement)]

    shelf_of(shop)
    assert applied("Shelves") == set()
    ran("INSERT INTO shop_shelf (label) VALUES (0), (7)")
    shelf_of(shop, Timestamped)
    made = applied("Timely")
    assert len(made) == 1
    ran("UPDATE shop_shelf SET updated_at = '2001-01-01'")
    ran("UPDATE shop_shelf SET label = 1 WHERE label = 0")
    assert ran("SELECT updated_at > '2002-01-01' FROM shop_shelf ORDER BY label") == [(True,), (False,)]
    shelf_of(shop)
    assert applied("Timeless") == set()

    downgrade(fresh_database_url, "shop@-1", folder=copy.path)
    assert touches(fresh_database_url) == made
    downgrade(fresh_database_url, "shop@-1", folder=copy.path)
    assert touches(fresh_database_url) == set()


def test_other_modules_changes_stay_out(database_url, copy, shop):
    Table("shop_shelf", shop, Column("id", Uuid, primary_key=True))
    assert make("platform", "Nothing", database_url, folder=copy.path) is None
    assert not (copy.path / "versions" / "shop").exists()


def test_an_empty_revision_is_for_data(fresh_database_url, copy, shop):
    Table("shop_shelf", shop, Column("id", Uuid, primary_key=True))
    path = write("platform", "Counts from the rows", fresh_database_url, copy, empty=True)
    assert path.parent.name == "platform"
    assert upgrade(fresh_database_url, folder=copy.path) == [copy.revisions.head("platform")]
    assert write("shop", "Later", fresh_database_url, copy, empty=True).name == "0001_later.py"
    assert upgrade(fresh_database_url, folder=copy.path) == ["shop_0001"]


def test_a_database_that_lacks_migrations_is_no_measure(empty_database_url, copy):
    with pytest.raises(MigrationError, match=r"lacks platform_0001.*just migrate"):
        make("platform", "More", empty_database_url, folder=copy.path)


def test_an_unknown_module_is_refused_by_name(database_url, copy):
    with pytest.raises(MigrationError, match=f"no module 'shop'.*{LAST}"):
        make("shop", "Shelves", database_url, folder=copy.path)


def test_the_longest_prefix_owns_a_table(monkeypatch):
    monkeypatch.setattr(migration_writing, "MODULES", ("shop", "shop_floor"))
    assert [module_of(table) for table in ("shop_shelf", "shop_floor_plan", "shopping", "platform_counter")] == [
        "shop",
        "shop_floor",
        None,
        "platform",
    ]


def remove(copy: Copy, module: str) -> str:
    """Remove a module as `just remove-module` does; returns the revision that drops its tables."""
    path = write_removal(module, copy.path)
    shutil.rmtree(copy.path / "versions" / module)
    return f"platform_{path.name[:4]}"


def test_a_database_goes_on_without_a_removed_module(fresh_database_url, copy):
    # alembic_version has nothing but the removed module's row by now, if others are covered by it.
    own = {table for table in tables(fresh_database_url) if module_of(table) == LAST}
    kept = schema_without(LAST, fresh_database_url)
    counted = min(own)
    fetch(fresh_database_url, f"INSERT INTO platform_counter VALUES ('{counted}', '', 0, 5), ('other', '', 0, 5)")
    heard = f"{LAST}.hear", f"{LAST}_more.hear"
    for name in heard:
        fetch(fresh_database_url, f"INSERT INTO platform_subscription VALUES ('{name}', 0)")
        fetch(fresh_database_url, f"INSERT INTO platform_held (subscriber, position, subject) VALUES ('{name}', 1, '')")
    dropping = remove(copy, LAST)
    assert pending(fresh_database_url, folder=copy.path) == [dropping]
    assert [m.revision for m in history(fresh_database_url, folder=copy.path) if not m.applied] == [dropping]

    assert upgrade(fresh_database_url, folder=copy.path) == [dropping]

    assert own
    assert not tables(fresh_database_url) & own
    assert schema(fresh_database_url) == kept
    assert [row["name"] for row in fetch(fresh_database_url, "SELECT name FROM platform_counter")] == ["other"]
    for of in ("name FROM platform_subscription", "subscriber FROM platform_held"):
        assert [row[0] for row in fetch(fresh_database_url, f"SELECT {of}")] == [heard[1]]
    assert pending(fresh_database_url, folder=copy.path) == []
    assert upgrade(fresh_database_url, folder=copy.path) == []


def schema_without(module: str, url: str) -> set[tuple[str, ...]]:
    return {row for row in schema(url) if f"{module}_" not in "".join(row)}


def test_an_empty_database_never_learns_of_a_removed_module(empty_database_url, copy):
    dropping = remove(copy, LAST)
    assert dropping in upgrade(empty_database_url, folder=copy.path)
    assert not [table for table in tables(empty_database_url) if module_of(table) == LAST]
    after = schema(empty_database_url)
    downgrade(empty_database_url, "base", folder=copy.path)
    upgrade(empty_database_url, folder=copy.path)
    assert schema(empty_database_url) == after


def test_a_database_that_had_only_a_part_of_the_module_goes_on_too(fresh_database_url, copy):
    copy.add(LAST, f'op.execute("CREATE TABLE {LAST}_more ()")')
    dropping = remove(copy, LAST)
    assert upgrade(fresh_database_url, folder=copy.path) == [dropping]


def test_an_upgrade_that_broke_off_after_the_rows_were_settled_goes_on(fresh_database_url, copy):
    dropping = remove(copy, LAST)
    upgrade(fresh_database_url, "platform_0001", folder=copy.path)
    assert upgrade(fresh_database_url, folder=copy.path) == [dropping]


def test_two_removals_one_after_the_other(fresh_database_url, copy, shop):
    copy.add("shop", 'op.execute("CREATE TABLE shop_shelf ()")', depends_on=copy.revisions.head(LAST))
    Table("shop_shelf", shop, Column("id", Integer, primary_key=True))
    upgrade(fresh_database_url, folder=copy.path)
    dropping = [remove(copy, "shop"), remove(copy, LAST)]
    assert upgrade(fresh_database_url, folder=copy.path) == dropping
    assert not [table for table in tables(fresh_database_url) if module_of(table) in {"shop", LAST}]


def test_a_module_that_others_stand_on_is_not_removed(copy):
    copy.add("antiques", depends_on=copy.revisions.head(LAST))
    with pytest.raises(MigrationError, match=f"antiques stands on {LAST}"):
        write_removal(LAST, copy.path)


@pytest.mark.parametrize("name", ["platform", "shop"])
def test_what_is_no_module_is_not_removed(copy, name):
    with pytest.raises(MigrationError, match=f"no module '{name}'"):
        write_removal(name, copy.path)


def test_a_module_is_not_removed_and_there_at_once(database_url, copy):
    write_removal(LAST, copy.path)
    with pytest.raises(MigrationError, match=f"{LAST}_0001.*: removed .*, but still there"):
        upgrade(database_url, folder=copy.path)


def test_a_new_module_of_a_removed_one_s_name_begins_where_that_ended(fresh_database_url, copy, shop):
    before = copy.revisions.next_number(LAST)
    dropping = remove(copy, LAST)
    upgrade(fresh_database_url, folder=copy.path)
    path = write(LAST, "Anew", fresh_database_url, copy)
    assert path.name == f"{before}_anew.py"
    assert dropping in copy.revisions.closure([copy.revisions.head(LAST)])
    upgrade(fresh_database_url, folder=copy.path)
    assert differences(fresh_database_url, folder=copy.path) == []
