"""Two editors of one row: a form tells what it showed, and what is no longer so refuses it, with the difference.

A form of the site carries, for each column that it lets one change, the value that its editor saw. In the transaction
of the change, under the row's lock, they are compared with what the row holds; so is what a form has besides the row,
such as the groups of a user, and each row inside the form that its editor touched: its values are told under names that
begin as `within` says. It needs no version column, and who forges what they saw overrides only knowingly.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
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
    """A field that somebody else has changed meanwhile: what the form showed, and what is there now.

    Of a row inside the form, `path` begins as `within` says.
    """

    path: str
    seen: str
    now: str


class ChangedMeanwhile(Conflict):
    """The row was changed by somebody else since the form was shown."""

    def __init__(self, differences: Iterable[Difference]) -> None:
        super().__init__("", "")
        self.differences = tuple(differences)
        self._detail = "Somebody else has changed this meanwhile. Look at the difference, and save again."


def shown(
    record: Any,
    paths: Iterable[str],
    besides: Mapping[str, Any],
    aside: Iterable[str] = (),
    rows: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """What a form shows of a row, and besides it, for its hidden input: a JSON object of texts.

    `aside`: what its editor sees and does not change there, which is told where something was changed meanwhile.
    `rows`: what it shows of those inside it, by `shown_within`.
    """
    return msgspec.json.encode(_short(record, aside) | _texts(record, (*paths, TOUCHED), besides) | dict(rows)).decode()


def within(rows: str, key: str) -> str:
    """What the names of a row's values begin with: of those that stand in a form under this name, of this key."""
    return f"{rows}/{key}/"


def shown_within(record: Any, paths: Iterable[str], inside: str) -> dict[str, str]:
    """What a form shows of a row inside it. `inside`: by `within`."""
    return {f"{inside}{name}": text for name, text in _texts(record, (*paths, TOUCHED), {}).items()}


def shown_alone(record: Any, path: str) -> str:
    """What the editor of one cell shows, which overrides nothing else."""
    return msgspec.json.encode(_texts(record, [path], {})).decode()


def is_as_shown(model: type[Any], values: Mapping[str, Any], told: object, inside: str) -> bool:
    """Whether the form still holds of a row inside it what it showed: then its editor has not touched it."""
    seen, mapper = _told(told, inside), inspect(model)
    names = [(value, _columns(mapper, [path])) for path, value in values.items()]
    return all(found and all(seen.get(one) == as_text(value) for one in found) for value, found in names)


def check(
    record: Any,
    paths: Iterable[str],
    besides: Mapping[str, Any],
    told: object,
    aside: Iterable[str] = (),
    inside: str = "",
) -> None:
    """Compare the row, locked, with what a form, or the editor of a cell, says that it showed.

    `inside`: by `within`, of a row inside the form. Raises ChangedMeanwhile, with all that is different of what its
    editor sees; where that is nothing, with when it was.
    """
    seen = _told(told, inside)
    if not seen:
        return
    now = _texts(record, (*paths, TOUCHED), besides)
    if all(seen.get(path, now[path]) == now[path] for path in now):
        return
    now = _short(record, aside) | now
    changed = [path for path in now if path in seen and seen[path] != now[path]]
    changed = [path for path in changed if path != TOUCHED] or changed
    raise ChangedMeanwhile([Difference(f"{inside}{path}", seen[path], now[path]) for path in changed])


def _told(told: object, inside: str) -> Mapping[str, str]:
    try:
        seen = msgspec.json.decode(told, type=dict[str, str]) if isinstance(told, str) else {}
    except msgspec.MsgspecError:
        return {}
    return {name.removeprefix(inside): text for name, text in seen.items() if name.startswith(inside)}


def _texts(record: Any, paths: Iterable[str], besides: Mapping[str, Any]) -> dict[str, str]:
    paths = list(paths)
    beside = {path: as_text(besides[path]) for path in paths if path in besides}
    return {name: as_text(getattr(record, name)) for name in _columns(inspect(record).mapper, paths)} | beside


def _columns(mapper: Any, paths: Iterable[str]) -> list[str]:
    """Of a relation, the column which it stands on."""
    columns: dict[str, None] = {}
    for path in paths:
        if path in mapper.column_attrs:
            columns[path] = None
        elif path in mapper.relationships:
            for column in mapper.relationships[path].local_columns:
                columns[mapper.get_property_by_column(column).key] = None
    return list(columns)


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
