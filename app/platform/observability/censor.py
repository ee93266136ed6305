"""What a log line, or an error that is kept, must not show: secrets by their key, in addresses and quoted in a text."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

HIDDEN = "***"
LONGEST = 16_384  # characters of one text; more would not fit into a pipe in one piece
DEEPEST = 8

_TOKEN = re.compile(r"(lhs?_)[A-Za-z0-9_-]{16,}")  # by its form, wherever it stands; 16: what is left of a cut one, too
_WORDS = ("passw", "passphrase", "token", "secret", "authori", "cookie", "api", "private")
_PLAIN = frozenset({int, float, bool, type(None), datetime, date, timedelta, Decimal, UUID})
_SECRET_KEY = re.compile(
    r"passw|passphrase|token|secret|authori[sz]ation|cookie|api[-_]?key|private[-_]?key", re.IGNORECASE
)

# Each repetition is bounded where it can fail, so that no text makes a line cost more than some milliseconds.
_ADDRESS = re.compile(r"(://[^/\s:@]{0,256}):[^/\s]*@")
_HEADER = re.compile(r"(\b(?:authorization|cookie)[\"']?\s{0,3}[:=]\s{0,3})[^\r\n]+", re.IGNORECASE)
_PAIR = re.compile(
    r"""((?:passw|passphrase|token|secret|api[-_]?key|private[-_]?key|cookie|authorization)[\w-]{0,32}
        (?:["']\s{0,3},|["']?\s{0,3}[=:])\s{0,3}b?)
        (?:"[^"]{0,1024}"|'[^']{0,1024}'|[^\s&,;)}\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)


def censored(value: Any, depth: int = 0) -> Any:
    """The value as JSON's own types, without its secrets. Takes anything; what has no shape becomes its `repr`."""
    if isinstance(value, str):
        return scrubbed(str.__str__(value))  # of its subclasses the bare text
    if type(value) in _PLAIN:
        return value
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): censored_pair(str(key), one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return _censored_items(list(value), depth + 1)
    if isinstance(value, bytes | bytearray | memoryview):
        return scrubbed(bytes(value).decode(errors="backslashreplace"))
    return censored(_plain(value), depth + 1)


def censored_pair(key: str, value: Any, depth: int = 0) -> Any:
    """The value that stands under this key, or three stars."""
    return HIDDEN if is_secret(key) and value is not None else censored(value, depth)


@lru_cache(2048)
def is_secret(name: str) -> bool:
    """Whether something of this name is not to be shown."""
    return name == "body" or _SECRET_KEY.search(name) is not None


def _censored_items(items: list[Any], depth: int) -> list[Any]:
    if len(items) == 2 and isinstance(items[0], str | bytes):  # a pair in a list of headers
        name = items[0] if isinstance(items[0], str) else items[0].decode("latin-1")
        return [name, censored_pair(name, items[1], depth)]
    return [censored(item, depth) for item in items]


def _plain(value: Any) -> Any:
    """A struct, a dataclass, an enum … as JSON's own types; anything else as text."""
    try:
        return msgspec.to_builtins(value, enc_hook=repr, str_keys=True)
    except Exception:  # noqa: BLE001  # whatever a foreign __repr__ raises: a log line must not break what it describes
        return f"<{type(value).__name__}>"


def scrubbed(text: str) -> str:
    """The text without tokens, passwords in addresses and values after a secret's name; a long one loses its middle."""
    if "lh_" in text or "lhs_" in text:
        text = _TOKEN.sub(rf"\1{HIDDEN}", text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    if "://" in text:
        text = _ADDRESS.sub(rf"\1:{HIDDEN}@", text)
    if _may_name_secret(text):
        return "".join(map(_scrubbed_line, text.splitlines(keepends=True)))
    return text


def quoted(text: str, longest: int) -> str:
    """The text as a row may quote it: scrubbed and storable; beyond so many characters it loses its middle."""
    text = storable(scrubbed(text))
    return text if len(text) <= longest else f"{text[: longest // 2 - 1]} … {text[2 - longest // 2 :]}"


def storable(text: str) -> str:
    """What PostgreSQL can store of it: a NUL and half a surrogate pair become the names of themselves."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _scrubbed_line(line: str) -> str:
    return _PAIR.sub(rf"\1{HIDDEN}", _HEADER.sub(rf"\1{HIDDEN}", line)) if _may_name_secret(line) else line


def _may_name_secret(text: str) -> bool:
    """A quick look: the patterns take a millisecond for a stack, this takes some microseconds."""
    lowered = text.lower()
    return any(word in lowered for word in _WORDS)
