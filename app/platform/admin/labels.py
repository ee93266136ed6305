"""What the modules call their models, fields and actions, in the language of the page."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from adminsite import ModelView
from adminsite.fields import ComputedField, IntegerField
from adminsite.i18n import gettext
from adminsite.views.layout import Placed
from markupsafe import escape

from app.platform.admin.figures import GROUPED


class Label(str):
    """English, by which its translation is found where it is shown: adminsite translates its own texts alone."""

    __slots__ = ()

    def __str__(self) -> str:
        return gettext(str.__str__(self))

    def __html__(self) -> str:
        return escape(str(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def format_map(self, mapping: Any) -> str:
        """A record's title, which is made of what its row holds."""
        return str(self).format_map(mapping)

    def lower(self) -> str:
        """As the search of pages compares it with what is typed."""
        return str(self).lower()


def label_view(view: ModelView[Any]) -> None:
    """Have all that a view is called by translated, what is in it, and its numbers."""
    view.label, view.label_plural, view.group = Label(view.label), Label(view.label_plural), Label(view.group)
    view._settings.record_title = Label(view._settings.record_title)
    _label_all(view._settings.list_filters)
    view._settings.form_layout = tuple(_placed(part) for part in view._settings.form_layout)
    for name, action in view._actions.marked.items():
        labelled = replace(action, label=Label(action.label), confirm=Label(action.confirm))
        view._actions.marked[name] = labelled
        _label_all(labelled.inputs)
    for inline in view.inlines:
        object.__setattr__(inline, "label", Label(inline.label))
    for one in (view, *view._inline_views.values()):
        one._fields._built = LabelledFields(one._fields._built)


class LabelledFields(dict[str, Any]):
    """A view's fields, as they are built: at the start, or when a page first shows them."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__(known)
        _label_all(known.values())

    def __setitem__(self, path: str, item: Any) -> None:
        _label_all([item])
        super().__setitem__(path, item)


def _label_all(items: Iterable[Any]) -> None:
    for item in items:
        if isinstance(item, IntegerField | ComputedField) and item.format is None:
            item.format = GROUPED
        item.label = Label(str.__str__(item.label))
        if getattr(item, "help_text", ""):
            item.help_text = Label(str.__str__(item.help_text))
        if choices := getattr(item, "choices", ()):
            item.choices = tuple((value, Label(str.__str__(text))) for value, text in choices)


def _placed(part: Placed) -> Placed:
    inside = tuple(_placed(child) for child in part.children)
    return replace(part, title=Label(part.title), description=Label(part.description), children=inside)


def dumps(value: Any, **options: Any) -> str:
    """JSON in a page's script, with labels as they are shown."""
    return json.dumps(_shown(value), **options)


def _shown(value: Any) -> Any:
    if isinstance(value, Label):
        return str(value)
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value
