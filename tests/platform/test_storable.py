"""What JSON can say and PostgreSQL cannot store is found, wherever it hides."""

import json

import msgspec
import pytest

from app.platform.storable import LARGEST, SMALLEST, is_suspect, unstorable


class Note(msgspec.Struct, rename="camel"):
    some_text: str = ""
    parts: tuple[object, ...] = ()


@pytest.mark.parametrize(
    "value",
    [
        "a\0",
        ["\0"],
        {"\0": 1},
        LARGEST + 1,
        SMALLEST - 1,
        {"a": [{"b": 10**5000}]},
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, dict) else "nested",
)
def test_all_that_cannot_be_stored_is_suspect(value):
    with_many_digits = json.dumps(value) if not isinstance(value, dict) else '{"\\u0000":' + "9" * 5000 + "}"
    assert is_suspect(with_many_digits.encode())


@pytest.mark.parametrize("value", ["", "how to train a dragon", [1, 10**17, -5], "2026-11-21T10:25:00Z"], ids=repr)
def test_the_usual_is_not_suspect(value):
    assert not is_suspect(json.dumps(value).encode())


def test_every_place_is_named():
    value = {
        "texts": ["fine", "a\0"],
        "k\0": True,
        "number": LARGEST + 1,
        "note": Note(some_text="\0", parts=(SMALLEST - 1, None, 1.5)),
        "moment": msgspec.json.decode('"0001-01-01T00:00:00+01:00"', type=msgspec.inspect.datetime.datetime),
    }

    assert [(violation.pointer, violation.code) for violation in unstorable(value, "")] == [
        ("/texts/1", "nul"),
        ("/k\0", "nul"),
        ("/number", "out_of_range"),
        ("/note/someText", "nul"),
        ("/note/parts/0", "out_of_range"),
        ("/moment", "out_of_range"),
    ]


def test_the_edges_themselves_can_be_stored():
    edges = [LARGEST, SMALLEST, True, msgspec.convert("9999-12-31T23:59:59Z", msgspec.inspect.datetime.datetime)]
    assert list(unstorable(edges, "")) == []
