"""The branches of migrations are refused, in plain words, as soon as they are not clean."""

import shutil

import pytest

from app.platform.revisions import MigrationError, Revisions
from tests.platform.migrations_copy import Copy


def test_branches_are_listed_from_the_lowest_module_up(copy):
    copy.add("antiques", depends_on="platform_0001")
    branches = copy.revisions.branches
    assert branches[0] == "platform"
    assert branches[-1] == "antiques"


def test_every_revision_comes_after_all_that_it_stands_on():
    revisions = Revisions()
    seen: set[str] = set()
    for name in revisions.scripts:
        assert revisions.closure([name]) - {name} <= seen
        seen.add(name)


def test_a_module_s_first_revision_stands_on_the_platform_s():
    revisions = Revisions()
    for branch in revisions.branches:
        assert "platform_0001" in revisions.closure([revisions.of(branch)[0].revision])


def test_only_the_topmost_revisions_stand_for_all():
    revisions = Revisions()
    topmost = revisions.topmost(revisions.scripts)
    assert revisions.closure(topmost) == set(revisions.scripts)
    assert all(revisions.closure(topmost - {one}) != set(revisions.scripts) for one in topmost)


def test_a_number_taken_twice_is_refused(copy):
    first = copy.revisions.head("platform")
    copy.write("platform", "0099", title="Mine", down=first)
    copy.write("platform", "0099", title="Yours", down=first)
    with pytest.raises(MigrationError, match=r"platform has 0099 twice, 0099_mine\.py and 0099_yours\.py"):
        Revisions(copy.path)


def test_a_second_head_is_refused(copy):
    first = copy.revisions.head("platform")
    copy.write("platform", "0098", down=first)
    copy.write("platform", "0099", down=first)
    with pytest.raises(MigrationError, match=r"platform has 2 heads, platform_009[89] and platform_009[89]"):
        Revisions(copy.path)


@pytest.mark.parametrize("missing", ["down", "depends_on"])
def test_a_revision_upon_a_missing_one_is_refused(copy, missing):
    copy.write("antiques", "0001", **{missing: "attic_0001"})
    with pytest.raises(MigrationError, match="attic_0001"):
        Revisions(copy.path)


def test_a_circle_is_refused(copy):
    copy.write("platform", "0098", down="platform_0099")
    copy.write("platform", "0099", down="platform_0098")
    with pytest.raises(MigrationError, match="Cycle"):
        Revisions(copy.path)


def test_a_folder_that_was_deleted_by_hand_is_refused(copy):
    deleted = copy.revisions.branches[1]
    copy.add("antiques", depends_on=copy.revisions.head(deleted))
    shutil.rmtree(copy.path / "versions" / deleted)
    with pytest.raises(MigrationError, match=f"'{deleted}_[0-9]+'"):
        Revisions(copy.path)


def test_a_folder_may_be_called_anything(tmp_path):
    assert list(Copy(tmp_path / "100 % sure, a:b").revisions.scripts) == list(Revisions().scripts)
