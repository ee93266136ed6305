"""Whatever JSON or bytes come in, they are decoded or refused, soon and by the two errors that say so."""

import sys
from time import thread_time
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.kit.errors import Invalid, Malformed
from app.platform.validation import decode
from tests.platform.validated import GOOD, Article, Author, Cat, Dog, Strict, wrong


def test_nul_is_refused_wherever_the_type_looks():
    article = {**GOOD, "title": "a\0", "tagList": ["\0"], "free": {"deep": ["\0"]}, "ignored": "\0"}
    assert [(pointer, code) for pointer, code, _ in wrong(Strict, {"article": article})] == [
        ("/article/title", "nul"),
        ("/article/tagList/0", "nul"),
        ("/article/free/deep/0", "nul"),
    ]
    assert decode(Strict, msgspec.json.encode({"article": {**GOOD, "body": r"\u0000"}})).article.body == r"\u0000"


@pytest.mark.parametrize("digits", [19, 20, 400, 5000])
def test_integers_beyond_64_bits_are_out_of_range(digits):
    raw = b'{"title":"a","body":"b","author":{"userName":"ann"},"serial":#,"either":#,"free":[#],"price":1}'
    found = wrong(Article, raw.replace(b"#", b"9" * digits))

    assert [code for _, code, _ in found] == ["out_of_range"] * 3
    assert wrong(Literal[1, 2], b"9" * digits) == [("", "type", "must be one of 1, 2")]
    assert decode(Author, b'{"userName":"%d"}' % 10**30).user_name == str(10**30)


def test_a_number_that_no_double_holds_is_out_of_range():
    found = wrong(Article, b'{"title":"a","body":"b","author":{"userName":"ann"},"price":1e999}')
    assert found == [("/price", "out_of_range", "must fit in 64 bits")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1}x',
        b"{'a':1}",
        b'{"a":1,}',
        b"NaN",
        b"[Infinity]",
        b'"\\ud800"',
        b'"\\udc00x"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"a\0"',
        b"\xef\xbb\xbf{}",
        b'{"article":{"title":1,"x":nul}}',
        b'{"article":{"title":"a","x":"\xff"}}',
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"article":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_not_json_in_utf_8_is_malformed(raw):
    with pytest.raises(Malformed):
        decode(Strict, raw)
    with pytest.raises(Malformed):
        decode(Any, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"article":{"title":"","free":[' + b"[]," * 333_000 + b"1]}}",
        b'{"article":{"title":"","tagList":[' + b"[]," * 333_000 + b"1]}}",
        b'{"article":{"title":"","counts":{' + b",".join(b'"%d":""' % n for n in range(90_000)) + b"}}}",
        b"{" + b",".join(b'"%06d":1' % n for n in range(90_000)) + b"}",
        b'{"article":{"title":"' + b"9" * 1_000_000 + b'"}}',
        b'{"article":{"price":' + b"9" * 1_000_000 + b"}}",
        b'{"' + b"x" * 1_000_000 + b'":1}',
    ],
    ids=["unread lists", "lists for tags", "dict", "unknown members", "long text", "long number", "long name"],
)
def test_a_hostile_megabyte_is_answered_soon_and_briefly(raw):
    started = thread_time()  # of the processor: what else the machine does is not counted
    found = wrong(Strict, raw)

    assert thread_time() - started < 1  # measured: 5 to 50 ms
    assert 1 <= len(found) <= 100
    assert len(msgspec.json.encode(found)) < 20_000


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["red", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([field.encode_name for field in msgspec.structs.fields(Article)])
ARTICLES = st.dictionaries(FIELDS, JSON_VALUES, max_size=8).map(lambda fields: {"article": {**GOOD, **fields}})


@settings(max_examples=200, deadline=None)
@given(JSON_VALUES | ARTICLES)
def test_any_json_is_decoded_or_invalid(value):
    try:
        decode(Strict, msgspec.json.encode(value))
    except Invalid as error:
        assert error.violations  # noqa: PT017
        assert all(text and not text.startswith("is not valid") for _, _, text in wrong(Strict, value))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0d8e1-.NaIftrl \ud800', max_size=40))
@example("\ud800")
def test_any_bytes_are_decoded_malformed_or_invalid(raw):
    raw = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    for type_ in (Strict, Any, list[Article], dict[str, int], Cat | Dog, int | None):
        try:
            decode(type_, raw)
        except (Malformed, Invalid) as error:
            assert error.violations  # noqa: PT017


def test_a_depth_that_the_decoder_takes_and_the_walk_does_not_is_malformed():
    outcomes = set()
    for depth in range(50, sys.getrecursionlimit() + 100, 25):
        with pytest.raises((Malformed, Invalid)) as caught:
            decode(Any, b"[" * depth + b'"\\u0000"' + b"]" * depth)
        outcomes.add(caught.type)
    assert outcomes == {Invalid, Malformed}
