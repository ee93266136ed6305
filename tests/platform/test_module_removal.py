"""A module is removed from databases that have it, and from those that never had."""

import pytest
from sqlalchemy import Column, Integer, Table

from app.platform.migration_writing import differences, module_of, write_removal
from app.platform.migrations import downgrade, history, pending, upgrade
from app.platform.revisions import MigrationError
from tests.platform.migrations_copy import fetch, schema, tables
from tests.platform.revising import LAST, remove, write


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
