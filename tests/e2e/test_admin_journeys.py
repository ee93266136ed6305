"""What each module's rows go through at the admin site, in a real browser: the journeys that modules offer."""

from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from playwright.async_api import Browser

from config.modules import MODULES
from tests.e2e.house import House
from tests.e2e.looking import WIDE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.long(41)]  # one after the other, by one process: they share a server

Journey = Callable[[Visitor, House, Browser], Awaitable[None]]


def offered() -> Iterator[Any]:
    """`JOURNEYS` in the modules' tests, if there are some, each named by what it is about."""
    for name in MODULES:
        room = f"tests.domain.{name}.journeys"
        if find_spec(room):
            for journey in import_module(room).JOURNEYS:
                yield pytest.param(journey, id=f"{name}-{journey.__name__}")


@pytest.mark.parametrize("journey", list(offered()))
async def test_a_journey_ends_well(journey: Journey, chief: Visitor, staffed: House, chromium: Browser):
    chief.faults.clear()  # of a journey that failed
    await chief.become(WIDE)
    try:
        await journey(chief, staffed, chromium)
    except AssertionError as error:
        error.add_note("\n".join(chief.faults))
        raise
    chief.settle()
