"""What the modules call their models, fields and actions, in the language of the page."""

import json
from dataclasses import replace
from typing import Any

from adminsite import ModelView
from adminsite.i18n import gettext
from markupsafe import escape


class Label(str):
    """English, by which its translation is found where it is shown: adminsite translates its own texts alone."""

    __slots__ = ()

    def __str__(self) -> str:
        return gettext(str.__str__(self))

    def __html__(self) -> str:
        return escape(str(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def lower(self) -> str:
        """As the search of pages compares it with what is typed."""
        return str(self).lower()


def label_view(view: ModelView[Any]) -> None:
    """Have all that a view is called by translated."""
    view.label, view.label_plural, view.group = Label(view.label), Label(view.label_plural), Label(view.group)
    fields = view._fields._built
    view._fields._built = LabelledFields(fields)
    for name, action in view._actions.marked.items():
        labelled = replace(action, label=Label(action.label), confirm=Label(action.confirm))
        view._actions.marked[name] = labelled
        _label_all(labelled.inputs)


class LabelledFields(dict[str, Any]):
    """A view's fields as they are built, at the start or when a page first shows them."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__(known)
        _label_all(known.values())

    def __setitem__(self, path: str, item: Any) -> None:
        _label_all([item])
        super().__setitem__(path, item)


def _label_all(items: Any) -> None:
    for item in items:
        item.label = Label(str.__str__(item.label))


def dumps(value: Any, **options: Any) -> str:
    """JSON in a page's script, with labels as they are shown."""
    return json.dumps(_shown(value), **options)


def _shown(value: Any) -> Any:
    if isinstance(value, Label):
        return str(value)
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value
