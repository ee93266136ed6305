"""An event is called after its module, whether this has its events in a file or in a folder of files."""

import pytest

from app.kit.event import Event

PLACES = [
    pytest.param("app.domain.shop.events", id="a file"),
    pytest.param("app.domain.shop.events.orders", id="a file in a folder"),
]


@pytest.mark.parametrize("place", PLACES)
def test_the_name_of_an_event_is_that_of_its_module_and_its_own(place: str):
    class OrderPlaced(Event, frozen=True):
        __module__ = place

    assert OrderPlaced.wire_name() == "shop.order_placed"
