"""Nothing is too large to be read at once: the maxima, by tool."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("app", "config", "tests") for path in (ROOT / folder).rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 300, 40, 6
# Handlers and providers are exempt: their parameters are what is injected.
INJECTED = ("controllers", "handlers.py", "health.py", "openapi")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_opens_with_its_one_sentence(path: Path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if path.is_relative_to(ROOT / "tests"):
        assert len(text.splitlines()) <= 2 * LONGEST_FILE
        return
    assert len(text.splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(tree), "what is this file for?"
    if path.name == "__init__.py":
        assert len(tree.body) == 1, "__init__.py holds one docstring"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{path}:{node.lineno} {node.name}"
            named = [a for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs] if a.arg != "self"]
            if not any(part in str(path) for part in INJECTED):
                assert len(named) <= MOST_PARAMETERS, f"{path}:{node.lineno} {node.name}"
