"""Two editors of one row: a form tells what it showed, and what is no longer so refuses it, with the difference.

A form of the site carries, for each column that it lets one change, the value that its editor saw. In the transaction
of the change, under the row's lock, they are compared with what the row holds. It needs no version column, and who
forges what they saw overrides only knowingly.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import inspect

from app.kit.errors import Conflict

INPUT = "_seen"  # the form's hidden input
TOUCHED = "updated_at"  # tells of what is not in the row: an article's tags, say


class Difference(msgspec.Struct, frozen=True):
    """A field that somebody else has changed meanwhile: what the form showed, and what is there now."""

    path: str
    seen: str
    now: str


class ChangedMeanwhile(Conflict):
    """The row was changed by somebody else since the form was shown."""

    def __init__(self, differences: Iterable[Difference]) -> None:
        super().__init__("", "")
        self.differences = tuple(differences)
        self._detail = "Somebody else has changed this meanwhile. Look at the difference, and save again."


def shown(record: Any, paths: Iterable[str]) -> str:
    """What a form shows of a row, for its hidden input: a JSON object of texts."""
    return msgspec.json.encode(_texts(record, paths)).decode()


def check(record: Any, paths: Iterable[str], told: object) -> None:
    """Compare the row, locked, with what a form says that it showed. Raises ChangedMeanwhile.

    A value that is changed in a list, by itself, tells nothing: it overrides nothing else.
    """
    seen = _told(told)
    if not seen:
        return
    now = _texts(record, paths)
    differences = [Difference(path, seen[path], now[path]) for path in now if path in seen and seen[path] != now[path]]
    if differences:
        raise ChangedMeanwhile(one for one in differences if one.path != TOUCHED)


def _told(told: object) -> Mapping[str, str]:
    try:
        return msgspec.json.decode(told, type=dict[str, str]) if isinstance(told, str) else {}
    except msgspec.MsgspecError:
        return {}


def _texts(record: Any, paths: Iterable[str]) -> dict[str, str]:
    """Only columns: of a relation, that which it stands on."""
    mapper = inspect(record).mapper
    columns: dict[str, None] = {}
    for path in (*paths, TOUCHED):
        if path in mapper.column_attrs:
            columns[path] = None
        elif path in mapper.relationships:
            for column in mapper.relationships[path].local_columns:
                columns[mapper.get_property_by_column(column).key] = None
    return {name: _text(getattr(record, name)) for name in columns}


def _text(value: object) -> str:
    return "" if value is None else str(value).replace("\r\n", "\n")
