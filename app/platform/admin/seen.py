"""Two editors of one row: a form tells what it showed, and what is no longer so refuses it, with the difference.

A form of the site carries, for each column that it lets one change, the value that its editor saw. In the transaction
of the change, under the row's lock, they are compared with what the row holds; so is what a form has besides the row,
such as the groups of a user. It needs no version column, and who forges what they saw overrides only knowingly.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

import msgspec
from sqlalchemy import inspect

from app.kit.errors import Conflict

INPUT = "_seen"  # the form's hidden input
TOUCHED = "updated_at"  # tells of what no form shows
LONGEST = 200  # characters of what a form does not let one change
TOLD = "litehouse_told"  # in a request's state: what its form said that it showed
BESIDES = "litehouse_besides"  # in a request's state: what the form that it asks for shows besides the row


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


def shown(record: Any, paths: Iterable[str], besides: Mapping[str, Any], aside: Iterable[str] = ()) -> str:
    """What a form shows of a row, and besides it, for its hidden input: a JSON object of texts.

    `aside`: what its editor sees and does not change there, which is told where something was changed meanwhile.
    """
    return msgspec.json.encode(_short(record, aside) | _texts(record, (*paths, TOUCHED), besides)).decode()


def shown_alone(record: Any, path: str) -> str:
    """What the editor of one cell shows, which overrides nothing else."""
    return msgspec.json.encode(_texts(record, [path], {})).decode()


def check(
    record: Any, paths: Iterable[str], besides: Mapping[str, Any], told: object, aside: Iterable[str] = ()
) -> None:
    """Compare the row, locked, with what a form, or the editor of a cell, says that it showed.

    Raises ChangedMeanwhile, with all that is different of what its editor sees; where that is nothing, with when it
    was.
    """
    seen = _told(told)
    if not seen:
        return
    now = _texts(record, (*paths, TOUCHED), besides)
    if all(seen.get(path, now[path]) == now[path] for path in now):
        return
    now = _short(record, aside) | now
    differences = [Difference(path, seen[path], now[path]) for path in now if path in seen and seen[path] != now[path]]
    raise ChangedMeanwhile([one for one in differences if one.path != TOUCHED] or differences)


def _told(told: object) -> Mapping[str, str]:
    try:
        return msgspec.json.decode(told, type=dict[str, str]) if isinstance(told, str) else {}
    except msgspec.MsgspecError:
        return {}


def _texts(record: Any, paths: Iterable[str], besides: Mapping[str, Any]) -> dict[str, str]:
    """Of a relation, the column which it stands on."""
    paths, mapper = list(paths), inspect(record).mapper
    columns: dict[str, None] = {}
    for path in paths:
        if path in mapper.column_attrs:
            columns[path] = None
        elif path in mapper.relationships:
            for column in mapper.relationships[path].local_columns:
                columns[mapper.get_property_by_column(column).key] = None
    beside = {path: as_text(besides[path]) for path in paths if path in besides}
    return {name: as_text(getattr(record, name)) for name in columns} | beside


def _short(record: Any, paths: Iterable[str]) -> dict[str, str]:
    """Of a long text its beginning, and a sum by which another is told from it."""
    texts = _texts(record, paths, {})
    return {
        path: text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({crc32(text.encode(errors='replace')):08x})"
        for path, text in texts.items()
    }


def as_text(value: object) -> str:
    """A value to be compared: rows by their keys, several a line each, whatever session they were read in."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return "\n".join(map(as_text, value))
    state: Any = inspect(value, raiseerr=False)
    return ",".join(map(str, state.identity)) if state is not None else str(value).replace("\r\n", "\n")
