"""Ids that are made here are what the database makes: of version 7, in the order of time, and never the same."""

import time
from uuid import RFC_4122

from app.kit.uuid7 import uuid7


def test_an_id_begins_with_the_time():
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in ids)
    assert len(set(ids)) == 1_000


def test_a_later_id_is_greater():
    first = uuid7()
    time.sleep(0.002)
    assert uuid7() > first
