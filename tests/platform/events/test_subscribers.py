"""A subscriber is called after its module and its function: by this name its position is kept."""

import pytest

from app.platform.events.subscribers import Subscriber, subscriber
from app.platform.module import Module


async def count_stock(_work: object, _event: object, _envelope: object) -> None:
    """Nothing."""


@pytest.mark.parametrize("room", ["subscribers", "subscribers.stock"], ids=["a file", "a file in a folder"])
def test_the_name_stays_when_a_room_becomes_a_folder(monkeypatch: pytest.MonkeyPatch, room: str):
    monkeypatch.setattr(count_stock, "__module__", f"app.domain.shop.{room}")
    assert subscriber()(count_stock).name == "shop.count_stock"


@pytest.mark.parametrize(
    ("names", "refusal"),
    [
        pytest.param(["sea.hunt"], r"sea\.hunt: a subscriber of land is called land\.", id="another module's"),
        pytest.param(["land.plough"] * 2, r"land\.plough: land has two subscribers of this name", id="twice"),
    ],
)
def test_a_name_that_would_share_its_position_is_refused(names: list[str], refusal: str):
    with pytest.raises(ValueError, match=refusal):
        Module(
            name="land",
            summary="Where nobody sails",
            subscribers=[Subscriber(name, count_stock, ()) for name in names],
        )
