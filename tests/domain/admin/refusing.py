"""The phrases in which the house's code refuses, as they are written: for the test that looks for their German."""

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

from app.kit.errors import AppError, Violation, found, require

ROOT = Path(__file__).resolve().parents[3]
# Where the site begins; and what is there whatever modules are.
ROOMS = re.compile(r"app\.(kit|platform\.(admin|jobs))(\.|$)|app\.domain\.(admin|\w+\.admin)(\.|$)")
CODE = re.compile(r"[a-z_]+")  # of what is wrong, before its text
QUOTED = re.compile("'[^']*'")
NAME = re.compile(r"[A-Za-z_]\w*")
# What is raised with the text of another error, by the room that does so: the texts of those that it can be.
OF_OTHERS = {"app.domain.admin.machinery.mail": "app.platform.mail.message"}
HANDED_ON = {"detail", "error", "noun", "nouns", "kind", "text", "wrong"}  # what they hold is made elsewhere


@cache
def reached() -> list[ModuleType]:
    """All modules of ours that those of the site import, one by another."""
    paths = {_name(path): path for path in (ROOT / "app").rglob("*.py")}
    seen: set[str] = set()
    waiting = [name for name in paths if ROOMS.match(name)]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += _imported(paths[name]) & paths.keys()
    return [import_module(name) for name in sorted(seen)]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return names


def phrases_of(module: ModuleType) -> Iterator[str]:
    """What the errors that a module raises say: fields, texts, details, titles; with `{places}`, as catalogues have."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                yield from _of_call(node, module, tree)
            case ast.ClassDef() if issubclass(_attribute(module, node.name) or object, AppError):
                error = vars(module)[node.name]
                yield error.title
                for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
                    if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
                        yield from _of_error(error, call, module, tree)
            case ast.Yield(value=ast.Tuple(elts=[ast.Constant(value=str(code)), text])) if CODE.fullmatch(code):
                yield from _texts(text, module, tree)
            case ast.Assign(targets=[ast.Attribute(attr="_detail")], value=ast.Constant() as text):
                yield from _texts(text, module, tree)


def _of_call(call: ast.Call, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    name = getattr(call.func, "id", "")
    called = _attribute(module, name)
    if called in {found, require}:
        yield from _fields(call.args[1], module, tree)
    elif name == "_mismatch":  # of a value of another type: it must be …
        yield from _texts(call.args[0], module, tree)
    elif called is Violation:
        yield from _fields(call.args[0], module, tree)
        yield from _texts(call.args[2], module, tree)
    elif isinstance(called, type) and issubclass(called, AppError):
        yield from _of_error(called, call, module, tree)


def _of_error(error: type[AppError], call: ast.Call, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """Its arguments go by the names that its class gives them; `AppError.__init__(self, …)` has one more."""
    args = [one for one in call.args if ast.unparse(one) != "self"]
    is_own = isinstance(call.func, ast.Attribute)
    known = next(kind for kind in error.__mro__[is_own:] if "__init__" in vars(kind)) if len(args) < 2 else AppError
    names = list(inspect.signature(known.__init__).parameters)[1:]
    given = dict(zip(names, args, strict=False)) | {one.arg: one.value for one in call.keywords if one.arg}
    for name, value in given.items():
        if name in {"field", "what"}:
            yield from _fields(value, module, tree)
        elif name in {"text", "detail"}:
            yield from _texts(value, module, tree)


def _fields(node: ast.expr, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """The names of fields; of those that are worked out there, nobody knows."""
    with suppress(LookupError):
        yield from _names(node, module, tree)


def _names(node: ast.expr, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    for pointer in _texts(node, module, tree):
        if pointer and "{" not in pointer:
            yield Violation(pointer if pointer.startswith("/") or ":" in pointer else f"/{pointer}", "", "").field
        elif pointer.startswith("/"):
            yield Violation(re.sub(r"/\{\w+\}", "", pointer), "", "").field


def _texts(node: ast.expr, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """The texts that an expression may be; raises LookupError for one that nobody can see through."""
    match node:
        case ast.Constant(value=str()):
            yield node.value
        case ast.JoinedStr():
            yield from map("".join, product(*(_parts(part) for part in node.values)))
        case ast.IfExp():
            yield from (text for one in (node.body, node.orelse) for text in _texts(one, module, tree))
        case ast.Name(id=name) if isinstance(_attribute(module, name), str):
            yield _attribute(module, name)
        case ast.Name(id=name) if values := list(_assigned(name, tree)):
            yield from (text for one in values for text in _texts(one, module, tree))
        case ast.Subscript(value=ast.Name(id=name)) if isinstance(_attribute(module, name), dict):
            yield from _attribute(module, name).values()
        case ast.Call(func=ast.Name(id="inside"), args=[ast.Constant() as pointer, *_]):
            yield from _texts(pointer, module, tree)
        case ast.Call(func=ast.Name(id=name)) if name.startswith("_") and name != "_":
            yield from _returned(name, module, tree)
        case _:
            yield from _elsewhere(node, module)


def _elsewhere(node: ast.expr, module: ModuleType) -> Iterator[str]:
    """The texts of an error that is told anew; what is handed on is looked for where it is made."""
    match node:
        case ast.Call(func=ast.Name(id="str")) if module.__name__ in OF_OTHERS:
            yield from _values_refused(sys.modules[OF_OTHERS[module.__name__]])
        case _ if HANDED_ON.isdisjoint(NAME.findall(ast.unparse(node))) and not _is_translated(node):
            message = f"{module.__name__}:{node.lineno}: what does {ast.unparse(node)} say?"
            raise LookupError(message)


def _parts(part: ast.expr) -> list[str]:
    """What a part of a text may be; a place is called by the last name in the expression that is worked out there."""
    match part:
        case ast.Constant(value=str()):
            return [part.value]
        case ast.FormattedValue(value=ast.IfExp(body=ast.Constant() as one, orelse=ast.Constant() as other)):
            return [*_parts(one), *_parts(other)]
    name = NAME.findall(QUOTED.sub("", ast.unparse(part)[1:]))[-1]
    return [f"{{{name.lower()}}}"]


def _assigned(name: str, tree: ast.Module) -> Iterable[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets):
            yield node.value


def _returned(name: str, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for one in ast.walk(node):
                if isinstance(one, ast.Return) and isinstance(one.value, ast.Constant | ast.JoinedStr):
                    yield from _texts(one.value, module, tree)


def _values_refused(module: ModuleType) -> Iterator[str]:
    tree = ast.parse(inspect.getsource(module.as_address))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError":
            yield from _texts(node.args[0], module, tree)


def _is_translated(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_"


def _attribute(module: ModuleType, name: str) -> Any:
    return getattr(module, name, None)
