"""Every text of the site, in its templates and its code, has its German."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from adminsite.i18n import built_in
from jinja2 import Environment
from jinja2.ext import extract_from_ast
from litestar import Litestar

from app.domain.admin.opening import opened
from app.platform.admin.page import Page
from app.platform.admin.site import CATALOGUES
from app.platform.jobs.table import STATES
from config.settings import Settings

APP = Path(__file__).resolve().parents[3] / "app"
FUNCTIONS = {"_", "gettext", "ngettext"}


def sources(ending: str) -> Iterator[Path]:
    """Of the engine, of what collects, and of what the modules offer."""
    yield from (APP / "platform" / "admin").rglob(f"*.{ending}")
    yield from (path for path in (APP / "domain").rglob(f"*.{ending}") if "admin" in str(path.relative_to(APP)))


def in_code() -> Iterator[str]:
    for path in sources("py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


def in_templates() -> Iterator[str]:
    environment = Environment(autoescape=True)
    environment.filters |= dict.fromkeys(("moment", "span", "number"), str)
    for path in sources("html"):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for _line, _function, text in extract_from_ast(tree, tuple(FUNCTIONS)):
            found = text[0] if isinstance(text, tuple) else text
            if found:
                yield found


async def test_every_text_has_its_german(app: Litestar):
    site = await opened(app.state)
    pages = [page for page in site.pages.values() if isinstance(page, Page)]
    concerns = {type(getattr(app.state.settings, field.name)).__name__ for field in fields(Settings)}
    told = {name.removesuffix("Settings") for name in concerns if name.endswith("Settings")}
    told |= {"default", "the environment", "pending", "delivered", "failed", *STATES}
    told |= {text for page in pages for text in (page.title, page.group)}
    german = built_in("de") | CATALOGUES["de"]
    assert sorted({*in_code(), *in_templates(), *told} - german.keys()) == []


def test_texts_of_code_and_of_templates_are_looked_at():
    said = {*in_code(), *in_templates()}
    assert "What needs attention" in said
    assert "Not in the log yet" in said
