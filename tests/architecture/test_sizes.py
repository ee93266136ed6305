"""Nothing is too large to be read at once: the maxima, by tool."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 300, 40, 6
HANDED = ("self", "q")  # the statement that a query goes on with is given by its decorator
# Handlers and providers are exempt: their parameters are what is injected.
INJECTED = ("controllers", "handlers.py", "health.py", "openapi")


@pytest.mark.parametrize("folder", ["app", "config"])
def test_a_file_is_short_and_opens_with_its_one_sentence(folder: str):
    assert [fault for path in sorted((ROOT / folder).rglob("*.py")) for fault in faults(path)] == []


def test_a_file_of_tests_is_read_at_once_too():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert [path for path, length in lengths.items() if length > LONGEST_FILE] == []


def faults(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if len(text.splitlines()) > LONGEST_FILE:
        yield f"{path} is too long"
    if not ast.get_docstring(tree):
        yield f"{path}: what is this file for?"
    if path.name == "__init__.py" and len(tree.body) != 1:
        yield f"{path} holds more than one docstring"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (f"{path}:{node.lineno} {node.name} {fault}" for fault in faults_of(node, path))


def faults_of(node: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> Iterator[str]:
    if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
        yield "is too long"
    named = [a for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs] if a.arg not in HANDED]
    if len(named) > MOST_PARAMETERS and not any(part in str(path) for part in INJECTED):
        yield "has too many parameters"
