"""Who has failed often in a row is left alone, and asked by one alone at first."""

import asyncio

import pytest

from app.kit.errors import Busy
from app.platform.http.answers import Unanswered
from app.platform.http.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("shop", 3, 30.0, clock)


def fail(breaker: Breaker, **given: bool) -> None:
    with pytest.raises(Unanswered), breaker.guard():
        raise Unanswered("down", **given)


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def refused(breaker: Breaker) -> str:
    with pytest.raises(Busy, match="shop does not answer") as told, breaker.guard():
        pass
    return told.value.headers["Retry-After"]


def test_it_opens_after_failures_in_a_row_and_closes_after_one_success(breaker: Breaker, clock: Clock):
    for _ in range(2):
        fail(breaker)
    succeed(breaker)
    for _ in range(2):
        fail(breaker)
    fail(breaker, is_failure=False)  # it has merely enough of us
    succeed(breaker)
    for _ in range(3):
        fail(breaker)
    clock.now = 10.5
    assert refused(breaker) == "20"
    clock.now = 30
    succeed(breaker)
    succeed(breaker)


def test_half_open_one_asks_and_as_it_fares_so_do_the_others(breaker: Breaker, clock: Clock):
    for _ in range(3):
        fail(breaker)
    clock.now = 31
    with breaker.guard():
        assert refused(breaker) == "1"
        breaker._failed()
    clock.now = 31
    for _ in range(3):
        fail(breaker)
    clock.now = 62
    fail(breaker)
    assert refused(breaker) == "30"


def test_who_is_cancelled_at_the_probe_leaves_it_to_the_next(breaker: Breaker, clock: Clock):
    for _ in range(3):
        fail(breaker)
    clock.now = 31
    with pytest.raises(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError
    succeed(breaker)


def test_one_of_many_servers_never_opens():
    breaker = Breaker("all", None, 30.0)
    for _ in range(100):
        fail(breaker)
    succeed(breaker)
