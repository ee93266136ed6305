"""`just new-admin`: what it prints puts a model on the site."""

import re
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from weakref import WeakKeyDictionary

import pytest
from click.testing import CliRunner
from litestar import Litestar

from app.domain.accounts.models import Group
from app.domain.accounts.policies import MANAGE_PERMISSIONS
from app.domain.admin import opening
from app.domain.admin.building import faults
from app.platform.admin.model_admin import ModelAdmin
from app.platform.console.offering import new_admin
from app.platform.module import Module, installed
from tests.domain.admin.conftest import Browser

Enter = Callable[..., Awaitable[Browser]]


def printed(*words: str) -> str:
    done = CliRunner().invoke(new_admin, words)
    return done.output if done.exit_code == 0 else f"refused: {done.output}"


class Broken(ModelAdmin[Group]):
    """Names what its model has not."""

    fields = ("nom",)


@pytest.fixture
def pasted(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site of one module, which is what was printed for a model."""
    room = ModuleType("tests.pasted")
    exec(printed("accounts", "Group"), vars(room))  # just this is the promise
    monkeypatch.setitem(sys.modules, room.__name__, room)
    monkeypatch.setattr(app.state, "modules", [Module(name="pasted", summary="Pasted", admin=room.__name__)])
    monkeypatch.setattr(opening, "_sites", WeakKeyDictionary())


async def test_what_it_prints_is_a_model_on_the_site(pasted: None, staff: Enter):
    chief, other = await staff(is_superuser=True), await staff(MANAGE_PERMISSIONS)
    form = await chief.page("/groups/new")
    made = await chief.submit(form, "/groups/new", name="Whalers")
    path = made.headers["location"].removeprefix("/admin")
    assert re.search(r"Whalers", await chief.page("/groups"))
    await chief.submit(await chief.page(f"{path}/edit"), f"{path}/edit", name="Sailors")
    assert "Sailors" in await chief.page(path)
    await chief.submit(await chief.page(path), f"{path}/delete")
    assert "Sailors" not in await chief.page("/groups?q=")
    for address in ("/groups", path):  # superusers alone, until the class says whose it is
        await other.page(address, 404)


def test_it_leaves_secrets_out_and_shows_what_is_referred_to():
    lines = printed("accounts", "Token")
    assert "Token.user," in lines
    assert "Field(Token.created_at, read_only=True)" in lines
    assert "digest" not in lines.partition("fields = ")[2]


def test_the_lines_belong_where_the_module_has_its_views():
    assert printed("accounts", "RecoveryCode").startswith("# app/domain/accounts/admin/recovery_code.py\n")
    assert "admin=" not in printed("accounts", "RecoveryCode")
    lines = printed("notifications", "Preference")
    assert lines.startswith("# app/domain/notifications/admin.py\n")
    assert 'Module(…)\nadmin="app.domain.notifications.admin",' in lines


def test_what_begins_with_a_constant_is_changed_and_what_the_database_works_out_is_shown():
    lines = printed("accounts", "User")
    assert "        User.is_active,\n" in lines
    assert "Field(User.created_at, read_only=True)" in lines


async def test_check_names_the_room_that_would_not_let_the_site_open(monkeypatch: pytest.MonkeyPatch):
    room = ModuleType("tests.broken")
    Broken.__module__ = room.__name__
    room.Broken = Broken
    monkeypatch.setitem(sys.modules, room.__name__, room)
    rooms = [Module(name="broken", summary="", admin=name) for name in (room.__name__, "tests.domain.nowhere")]
    assert faults(installed(["accounts"])) == []
    unnamed, absent = faults(rooms)
    assert unnamed.startswith("tests.broken: ")
    assert "nom" in unnamed
    assert absent == "tests.domain.nowhere: No module named 'tests.domain.nowhere'"


def test_it_tells_which_models_there_are():
    assert "has no Grup: it has Challenge, Grant, Group" in printed("accounts", "Grup")
    assert "it has no models" in printed("jobs", "Job")
