"""The walls between the storeys, the modules and a module's rooms: found in the code itself, so that they hold."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

from app.platform.module import installed
from config.modules import MODULES

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
DOMAIN = APP / "domain"
FRONT_DOORS = {"services", "events", "models"}
# What a room may import of its own module; rooms that stand in no list (a module's own, such as `names`) are free.
ROOMS = {
    "controllers": {"services", "queries", "schemas"},
    "commands": {"services", "queries", "schemas", "events"},
    "jobs": {"services", "queries", "schemas", "events"},
    "services": {"repositories", "queries", "policies", "schemas", "events", "models"},
    "repositories": {"models", "queries", "schemas"},  # a hot write is one statement, which shows what it wrote
    "queries": {"schemas", "models"},
    "policies": {"models"},
    "schemas": set(),
    "events": set(),
    "models": set(),
}
FORBIDDEN_NAMES = {"utils", "common", "helpers", "lib", "base", "core"}


def sources(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts)


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Of each file once: to read them all takes a processor longer than all that is looked for in them."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("app", "config", include_external_packages=True, cache_dir=None)


def imported(graph: grimp.ImportGraph, package: str) -> Iterator[tuple[str, str]]:
    for module in sorted({package} | graph.find_descendants(package)):
        yield from ((module, other) for other in sorted(graph.find_modules_directly_imported_by(module)))


def test_every_folder_of_the_domain_is_an_installed_module():
    folders = {path.name for path in DOMAIN.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_arrows_between_modules_follow_the_list_and_use_the_front_doors(imports, name):
    above = MODULES[: MODULES.index(name)]
    for module, other in imported(imports, f"app.domain.{name}"):
        parts = other.split(".")
        if parts[:2] == ["app", "domain"] and len(parts) > 2 and parts[2] != name:
            assert parts[2] in above, f"{module} imports {other}, which config/modules.py lists below {name}"
            assert parts[3] in FRONT_DOORS, f"{module} imports {other}: only {sorted(FRONT_DOORS)} are front doors"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_rooms_import_only_what_they_may(imports, name):
    package = f"app.domain.{name}"
    for module, other in imported(imports, package):
        if not other.startswith(f"{package}."):
            continue
        room, door = (path.removeprefix(f"{package}.").split(".")[0] for path in (module, other))
        if room in ROOMS and door in ROOMS and room != door:
            assert door in ROOMS[room], f"{module} imports {other}"


def test_the_platform_knows_no_module(imports):
    for module, other in imported(imports, "app.platform"):
        assert not other.startswith("app.domain"), f"{module} imports {other}"


def test_the_tool_drawer_knows_no_framework(imports):
    allowed = {"app.kit", "msgspec"}
    for module, other in imported(imports, "app.kit"):
        foreign = other.split(".")[0] in {
            "litestar",
            "sqlalchemy",
            "asyncpg",
            "granian",
            "click",
            "pydantic",
            "structlog",
        }
        assert not foreign, f"{module} imports {other}: only {allowed} and the standard library"


def test_names_say_what_is_inside():
    for path in sources(APP):
        assert not FORBIDDEN_NAMES & set(path.relative_to(ROOT).with_suffix("").parts), path


def test_a_commit_stands_only_in_the_unit_of_work():
    for path in sources(APP):
        calls = [
            node.lineno
            for node in nodes(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
        ]
        assert not calls, f"{path}:{calls}"
        if path != APP / "platform" / "database" / "work.py":
            assert '"COMMIT"' not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    "banned", ["gather", "create_engine", "create_async_engine", "async_sessionmaker", "ClientSession"]
)
def test_what_is_never_called_in_a_handler_s_reach(banned):
    makers = {
        "create_async_engine": {"database/pools.py", "migrations.py", "migration_session.py"},
        "ClientSession": {"http/session.py"},
    }
    allowed = {APP / "platform" / path for path in makers.get(banned, set())}
    for path in sources(APP):
        if path in allowed:
            continue
        for node in nodes(path):
            name = getattr(node, "func", None)
            called = getattr(name, "attr", getattr(name, "id", None))
            assert called != banned, f"{path}:{node.lineno}"


def test_no_yield_inside_a_timeout_or_a_task_group():
    for path in sources(APP):
        for node in nodes(path):
            if isinstance(node, ast.AsyncWith) and any(
                isinstance(item.context_expr, ast.Call)
                and getattr(item.context_expr.func, "attr", "") in {"timeout", "timeout_at", "TaskGroup"}
                for item in node.items
            ):
                assert not any(isinstance(inner, ast.Yield) for inner in ast.walk(node)), f"{path}:{node.lineno}"


def test_every_task_is_kept():
    for path in sources(APP):
        for node in nodes(path):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                assert getattr(node.value.func, "attr", "") != "create_task" or "group" in ast.unparse(node.value.func)


def test_every_installed_module_says_what_it_is():
    for module in installed(MODULES):
        assert module.summary
        assert (DOMAIN / module.name / "__init__.py").read_text(encoding="utf-8").startswith('"""')
