"""What the site takes of its engine that the engine promises nobody: it fails here, not on a page, once it changes."""

from inspect import getsource
from pathlib import Path

import pytest
from adminsite._http import forms, inline_tables
from jinja2 import DictLoader, Environment

from app.platform.admin import lean
from app.platform.admin.compiled import CompiledTemplates


def test_the_engine_still_fills_pickers_by_what_is_put_in_its_place():
    lean.spare_pickers()
    assert "await _fill_relation(admin, session, row, item, current, request)" in getsource(forms)
    assert "await _relation_options(admin, session, item, request, sent)" in getsource(inline_tables)
    assert (forms._fill_relation, inline_tables._relation_options) == (lean._filled, lean._offered)


def test_templates_are_compiled_once_and_anew_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    compiled = []

    def drawn(text: str, folder: Path = tmp_path / "kept") -> str:
        environment = Environment(loader=DictLoader({"ship": text}), bytecode_cache=CompiledTemplates(folder))
        return environment.get_template("ship").render()

    compile_it = Environment.compile
    monkeypatch.setattr(Environment, "compile", lambda *all_of: compiled.append(all_of) or compile_it(*all_of))
    assert (drawn("Pequod"), drawn("Pequod")) == ("Pequod", "Pequod")
    assert len(compiled) == 1
    assert drawn("Rachel") == "Rachel"
    (tmp_path / "file").touch()
    assert drawn("Pequod", tmp_path / "file" / "kept") == "Pequod", "where nothing can be kept"
    assert len(compiled) == 3
