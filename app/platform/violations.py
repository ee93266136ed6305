"""Everything that is wrong with a JSON value, said of each member by its pointer.

msgspec stops at the first fault. This walk starts only after one, goes down the type rather than the value, and decodes
no more of the value than the type asks about, so that a hostile megabyte costs little.
"""

import math
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect as types

from app.kit.errors import LONGEST_NAME, Violation, inside
from app.platform.storable import LARGEST, SMALLEST, is_suspect, unstorable

MOST_VIOLATIONS = 100  # half a million wrong items are not answered with half a million texts
MOST_ITEMS = 1000  # of a list, looked at: what is wrong farther on is said where nothing else is
LONGEST_MESSAGE = 200

NOT_BLANK = r"\S"
WHOLE_NUMBER = re.compile(rb"-?[0-9]+")

BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "multiple_of": "a multiple of"}
LEAVES: dict[type[types.Type], tuple[type, str]] = {
    types.StrType: (str, "a string"),
    types.BoolType: (bool, "true or false"),
    types.BytesType: (bytes, "Base64 text"),
    types.DateTimeType: (datetime, "a date and time as in 2026-11-21T10:25:00Z"),
    types.DateType: (date, "a date as in 2026-11-21"),
    types.TimeType: (time, "a time as in 10:25:00"),
    types.TimeDeltaType: (timedelta, "a duration as in PT1H30M"),
    types.UUIDType: (UUID, "a UUID"),
    types.DecimalType: (Decimal, "a decimal number"),
}
LISTS = (types.ListType, types.SetType, types.FrozenSetType, types.VarTupleType)


def violations_of(type_: Any, raw: bytes) -> list[Violation]:
    """The violations in JSON text, at most a hundred, in the order of the type's fields.

    None is found of what this walk does not know (a struct's own `__post_init__`, tuples of a fixed length). Raises
    msgspec.DecodeError where the text is not JSON.
    """
    whole = msgspec.json.decode(raw, type=msgspec.Raw)  # the typed decoder stopped before it had read it all
    return list(islice(_wrong(_type_info(type_), whole, ""), MOST_VIOLATIONS))


def as_msgspec_says(error: msgspec.ValidationError) -> Violation:
    """The fault that msgspec stopped at, for the kinds of fault that the walk does not know."""
    message, _, path = str(error).partition(" - at `$")
    pointer = path.rstrip("`").replace("...", "*").replace(".", "/").replace("[", "/").replace("]", "")
    return Violation(pointer, "invalid", f"is not valid: {message[:LONGEST_MESSAGE]}")


def alternatives(kind: types.Type) -> list[types.Type]:
    """The types that a value may be of: unions and annotations unfolded."""
    match kind:
        case types.Metadata():
            return alternatives(kind.type)
        case types.UnionType():
            return [one for part in kind.types for one in alternatives(part)]
    return [kind]


@lru_cache(maxsize=1024)
def _type_info(type_: Any) -> types.Type:
    return types.type_info(type_)


def _wrong(kind: types.Type, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    """What is wrong with a value, and with all that it holds."""
    match kind:
        case types.Metadata():
            yield from _wrong(kind.type, raw, at)
        case types.UnionType():
            yield from _wrong_for_all(kind, raw, at)
        case types.AnyType():
            yield from _wrong_for_any(raw, at)
        case types.StructType(array_like=False):
            yield from _wrong_struct(kind, raw, at)
        case types.DictType():
            yield from _wrong_dict(kind, raw, at)
        case _ if isinstance(kind, LISTS):
            yield from _wrong_list(kind, raw, at)
        case types.IntType() | types.FloatType():
            yield from _wrong_number(kind, raw, at)
        case types.EnumType() | types.LiteralType():
            yield from _wrong_choice(kind, raw, at)
        case _:
            yield from _wrong_leaf(kind, raw, at)


def _wrong_for_all(union: types.UnionType, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    """Nothing where one of the types takes the value; else what the first one of its shape finds wrong."""
    if union.includes_none and bytes(raw) == b"null":
        return
    kinds = [kind for kind in union.types if not isinstance(kind, types.NoneType)]
    attempts = [list(islice(_wrong(kind, raw, at), MOST_VIOLATIONS)) for kind in kinds]
    if all(attempts):
        of_its_shape = (attempt for attempt in attempts if (attempt[0].code, attempt[0].pointer) != ("type", at))
        nouns = (attempt[0].text.removeprefix("must be ") for attempt in attempts)
        yield from next(of_its_shape, None) or [_mismatch(" or ".join(nouns), raw, at)]


def _wrong_for_any(raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    if not is_suspect(bytes(raw)):
        return
    try:
        yield from unstorable(msgspec.json.decode(raw), at)
    except msgspec.ValidationError:  # a number of more digits than msgspec reads; it does not say where
        yield Violation(at, "out_of_range", "must fit in 64 bits")


def _wrong_struct(kind: types.StructType, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    members = _parts(raw, dict[str, msgspec.Raw])
    if members is None:
        yield _mismatch("an object", raw, at)
        return
    if kind.tag_field and _plain(members.get(kind.tag_field, b"null")) != kind.tag:
        yield _mismatch(f"an object whose {kind.tag_field} is {kind.tag}", raw, at)
        return
    for field in kind.fields:
        if field.encode_name in members:
            yield from _wrong(field.type, members[field.encode_name], inside(at, field.encode_name))
        elif field.required:
            is_text = any(isinstance(one, types.StrType) for one in alternatives(field.type))
            text = "can't be blank" if is_text else "is required"
            yield Violation(inside(at, field.encode_name), "missing", text)
    if kind.forbid_unknown_fields:
        known = [field.encode_name for field in kind.fields]
        yield from (_unknown(name, known, at) for name in members if name not in {*known, kind.tag_field})


def _unknown(name: str, known: list[str], at: str) -> Violation:
    nearest = get_close_matches(name[:LONGEST_NAME], known, n=1)
    return Violation(inside(at, name), "unknown", f"is not known; is it {nearest[0]}?" if nearest else "is not known")


def _wrong_dict(kind: types.DictType, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    members = _parts(raw, dict[str, msgspec.Raw])
    if members is None:
        yield _mismatch("an object", raw, at)
        return
    yield from _wrong_length(kind, len(members), "members", at)
    for name, member in islice(members.items(), MOST_ITEMS):
        yield from _wrong(kind.key_type, msgspec.Raw(msgspec.json.encode(name)), inside(at, name))
        yield from _wrong(kind.value_type, member, inside(at, name))


def _wrong_list(kind: Any, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    items = _parts(raw, list[msgspec.Raw])
    if items is None:
        yield _mismatch("a list", raw, at)
        return
    yield from _wrong_length(kind, len(items), "items", at)
    for index, item in enumerate(islice(items, MOST_ITEMS)):
        yield from _wrong(kind.item_type, item, f"{at}/{index}")


def _parts(raw: msgspec.Raw, type_: Any) -> Any:
    """What an object or a list holds, undecoded; None where the value is neither."""
    try:
        return msgspec.json.decode(raw, type=type_)
    except msgspec.ValidationError:
        return None


def _wrong_number(kind: Any, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    whole, digits = isinstance(kind, types.IntType), bytes(raw)
    if not (WHOLE_NUMBER.fullmatch(digits) if whole else digits[0] in b"-0123456789"):
        yield _mismatch("an integer" if whole else "a number", raw, at)
        return
    value = _integer(digits) if whole else float(digits)
    if _is_out_of_bounds(kind, value):
        yield Violation(at, "out_of_range", _bounds(kind))
    elif math.isinf(value) or (whole and not SMALLEST <= value <= LARGEST):
        yield Violation(at, "out_of_range", "must fit in 64 bits")


def _integer(digits: bytes) -> int:
    """The integer; one of more digits than 64 bits hold is cut short: Python refuses to read 4,301 of them."""
    return int(digits[: len(str(SMALLEST)) + 1])


def _is_out_of_bounds(kind: Any, value: float) -> bool:
    return (
        (kind.ge is not None and value < kind.ge)
        or (kind.gt is not None and value <= kind.gt)
        or (kind.le is not None and value > kind.le)
        or (kind.lt is not None and value >= kind.lt)
        or bool(kind.multiple_of and value % kind.multiple_of)
    )


def _bounds(kind: Any) -> str:
    if kind.ge is not None and kind.le is not None:
        return f"must be between {kind.ge} and {kind.le}"
    given = (f"{words} {getattr(kind, name)}" for name, words in BOUNDS.items() if getattr(kind, name) is not None)
    return "must be " + " and ".join(given)


def _wrong_choice(kind: types.EnumType | types.LiteralType, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    choices = [one.value for one in kind.cls] if isinstance(kind, types.EnumType) else kind.values
    if _plain(raw) not in choices:
        yield _mismatch(f"one of {', '.join(map(str, choices))}", raw, at)


def _plain(raw: msgspec.Raw | bytes) -> Any:
    """The value without a type; None for a number of more digits than msgspec reads."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return None


def _wrong_leaf(kind: types.Type, raw: msgspec.Raw, at: str) -> Iterator[Violation]:
    if type(kind) not in LEAVES:
        return
    type_, noun = LEAVES[type(kind)]
    try:
        value: Any = msgspec.json.decode(raw, type=type_)
    except msgspec.ValidationError:
        yield _mismatch(noun, raw, at)
        return
    yield from unstorable(value, at)
    match kind:
        case types.StrType():
            yield from _wrong_text(kind, value, at)
        case types.BytesType():
            yield from _wrong_length(kind, len(value), "bytes", at)
        case types.DateTimeType() if kind.tz is not None and kind.tz != (value.tzinfo is not None):
            yield Violation(at, "time_zone", f"must {'' if kind.tz else 'not '}have a time zone")


def _wrong_text(kind: types.StrType, text: str, at: str) -> Iterator[Violation]:
    if kind.pattern is None or re.search(kind.pattern, text):
        yield from _wrong_length(kind, len(text), "characters", at)
    elif kind.pattern == NOT_BLANK:
        yield Violation(at, "blank", "can't be blank")
    else:
        yield Violation(at, "pattern", f"must match {kind.pattern}")


def _wrong_length(kind: Any, length: int, unit: str, at: str) -> Iterator[Violation]:
    if length == 0 and kind.min_length == 1:
        yield Violation(at, "blank", "can't be blank")
    elif kind.min_length is not None and length < kind.min_length:
        yield Violation(at, "too_short", f"is too short (minimum is {kind.min_length} {unit})")
    elif kind.max_length is not None and length > kind.max_length:
        yield Violation(at, "too_long", f"is too long (maximum is {kind.max_length} {unit})")


def _mismatch(noun: str, raw: msgspec.Raw, at: str) -> Violation:
    if bytes(raw) == b"null":
        return Violation(at, "null", "can't be null")
    return Violation(at, "type", f"must be {noun}")
