"""What the site says: all texts of its pages and all phrases of its refusals, module by module."""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment
from jinja2.ext import extract_from_ast
from sqlalchemy import inspect

from app.domain.admin.building import HOME
from app.platform.admin.labels import Label
from app.platform.admin.model_admin import ModelAdmin
from app.platform.admin.page import Page
from app.platform.admin.site import Site
from app.platform.admin.wording import HERE, PLACE, Catalogue, _read
from app.platform.jobs.table import STATES
from app.platform.module import installed
from app.platform.violations import BOUNDS, LEAVES
from config.modules import MODULES
from config.settings import Settings
from tests.domain.admin.refusing import phrases_of, reached

ENGINE = "platform"
FUNCTIONS = {"_", "gettext", "ngettext"}
FILTERS = ("decimal", "moment", "number", "period", "span", "timestamp", "told", "written")
# What templates show by a variable, and what code says by one.
SHOWN: dict[str, Iterable[str]] = {
    ENGINE: {Page.group, "Deutsch", "English", "Esc"},
    "jobs": STATES,
    "webhooks": {"pending", "delivered", "failed"},
}
# What a job says of itself, who made a change, and where a setting came from: for `told`.
SAID: dict[str, Iterable[str]] = {
    ENGINE: {
        "job:{name}",
        "event:{name}",
        "command:{name}",
        "request",
        "and {more} more",
        "body",
        "must be {one} or {other}",
    },
    "admin": {"default", "the environment", "the environment, as {name}", "{count} rows", "{count} files"},
    "jobs": STATES,  # in what is said of one
}
Texts = Mapping[str, set[str]]


def of_room(name: str) -> Catalogue:
    """What a module's own catalogue says, or the site's own."""
    folders = [HERE if name == ENGINE else HOME / name / "admin_locales"]
    return Catalogue(_read(folders, "de.json"), _read(folders, "phrases/de.json"))


def sources(room: str, ending: str) -> Iterator[Path]:
    """The files of the site, or what a module offers to it."""
    if room == ENGINE:
        yield from HERE.parent.rglob(f"*.{ending}")
    else:
        home = HOME / room
        yield from (path for path in home.rglob(f"*.{ending}") if "admin" in str(path.relative_to(HOME)))


def in_code(room: str) -> Iterator[str]:
    for path in sources(room, "py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


def in_templates(room: str) -> Iterator[str]:
    environment = Environment(autoescape=True)
    environment.filters |= dict.fromkeys(FILTERS, str)
    for path in sources(room, "html"):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for _line, _function, text in extract_from_ast(tree, tuple(FUNCTIONS)):
            found = text[0] if isinstance(text, tuple) else text
            if found:
                yield found


def labels_of(one: Any) -> Iterator[str]:
    """What a field, a filter, an action or a panel is called, with all that it offers."""
    names = getattr(one, "__dict__", None) or [
        name for kind in type(one).__mro__ for name in vars(kind).get("__slots__", ())
    ]
    for value in (getattr(one, name, None) for name in names):
        for text in value if isinstance(value, tuple | list) else [value]:
            for label in text if isinstance(text, tuple | list) else [text]:
                if isinstance(label, Label) and label:
                    yield str.__str__(label)


def of_view(view: ModelAdmin[Any]) -> Iterator[str]:
    """All labels of a model's pages, those of its rows inside others' forms too."""
    settings = view._settings
    columns: Any = inspect(view.model).column_attrs  # a history has those that no other page shows
    for path in {*settings.candidates, *settings.overrides, *columns.keys()}:
        view._fields.field_for(path)
    parts = [view, settings, *settings.list_filters, *settings.form_layout, *view.inlines]
    parts += [child for part in settings.form_layout for child in part.children]
    for mark in view._actions.marked.values():
        parts += [mark, *mark.inputs]
    inside = [one._fields._built.values() for one in (view, *view._inline_views.values())]
    for part in (*parts, *(field for built in inside for field in built)):
        yield from labels_of(part)
    for name in view._actions.marked:
        yield (getattr(type(view), name).verb.__doc__ or "").partition("\n")[0]


def room_of(one: type[Any]) -> str:
    return room_named(one.__module__)


def room_named(module: str) -> str:
    return module.split(".")[2] if module.startswith("app.domain.") else ENGINE


@cache
def all_texts(site: Site) -> Texts:
    """What each room says on pages: the site itself, and each module."""
    texts: dict[str, set[str]] = defaultdict(set)
    for room in (ENGINE, *MODULES):
        texts[room] |= {*in_code(room), *in_templates(room), *SHOWN.get(room, ())}
    for view in site.views:
        texts[room_of(type(view))] |= {*of_view(view)}
    for one in site.pages.values():
        texts[room_of(type(one))] |= {one.title, one.group}
    settings = site.house.settings
    names = {type(getattr(settings, field.name)).__name__ for field in fields(Settings)}
    texts["admin"] |= {name.removesuffix("Settings") for name in names if name.endswith("Settings")}
    permitted = {f"{one.name}: {one.meaning}" for module in installed(MODULES) for one in module.permissions}
    texts["accounts"] -= permitted  # which can be chosen there, and are those of the modules that declare them
    for module in installed(MODULES):
        texts[module.name] |= {f"{one.name}: {one.meaning}" for one in module.permissions}
    return {room: {text for text in said if is_said(text)} for room, said in texts.items()}


def is_said(text: str) -> bool:
    """Not what is of the row alone: `{name}`."""
    return bool(PLACE.sub("", text).strip())


@cache
def all_phrases(site: Site) -> Texts:
    """In what the code of each room refuses, with the names of the fields that it is about."""
    phrases: dict[str, set[str]] = defaultdict(set)
    for module in reached():
        phrases[room_named(module.__name__)] |= {*phrases_of(module)}
    phrases[ENGINE] |= {noun for _, noun in LEAVES.values()} | {f"must be {bound} {{n}}" for bound in BOUNDS.values()}
    phrases[ENGINE] |= {"characters", "items", "members", "bytes", "must have a time zone", "must not have a time zone"}
    for room, said in SAID.items():
        phrases[room] |= {*said}
    for kind, room in structs(site).items():
        phrases[room] |= {name for one in nested(kind) for name in one.__struct_encode_fields__}
    return {room: said - {""} for room, said in phrases.items()}


def structs(site: Site) -> dict[type[msgspec.Struct], str]:
    """What forms are held to, by the rooms that they are of: of models, of actions, and of pages' deeds."""
    kinds: dict[type[msgspec.Struct], str] = {}
    for view in site.views:
        module = __import__(type(view).__module__, fromlist=["_"])
        for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "as_input":
                kinds[getattr(module, ast.unparse(node.args[0]))] = room_of(type(view))
        if view.schema:
            kinds[view.schema] = room_of(type(view))
        for name in view._actions.marked:
            kinds[getattr(type(view), name).inputs] = room_of(type(view))
    return kinds | {method.inputs: room_of(type(one)) for one in site.pages.values() for method in deeds(one)}


def deeds(one: Page) -> list[Any]:
    return [method for method in vars(type(one)).values() if hasattr(method, "inputs")]


def nested(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from nested(field.type)
    for inside in getattr(kind, "__args__", ()):
        yield from nested(inside)


def shape(phrase: str) -> str:
    """Whatever its places are called."""
    return PLACE.sub("{}", phrase)


def unsaid(room: str, said: Texts, known: Callable[[Catalogue], Iterable[str]]) -> list[str]:
    """What the room says and no catalogue of its own, of the site or of adminsite has."""
    own = {shape(text) for one in {room, ENGINE} for text in known(of_room(one))}
    return sorted(f"{room}: {text}" for text in said.get(room, ()) if shape(text) not in own)
