"""Revisions written from the models."""

import subprocess
import sys

import pytest
from sqlalchemy import Column, ForeignKey, MetaData, Table, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped

from app.platform import migration_writing
from app.platform.database.model import Identified, Timestamped
from app.platform.migration_writing import differences, make, module_of
from app.platform.migrations import downgrade, pending, upgrade
from app.platform.revisions import MigrationError
from config.modules import MODULES
from tests.platform.migrations_copy import fetch, schema, tables
from tests.platform.revising import LAST, write

KNOWN = "from app.platform.migration_writing import metadata; print(*metadata().tables)"


def reference(module: str, tables: MetaData) -> ForeignKey:
    """A foreign key to a table of the module."""
    owned = (table for table in tables.sorted_tables if module_of(table.name) == module)
    return ForeignKey(next(table.c.id for table in owned if "id" in table.c))


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
