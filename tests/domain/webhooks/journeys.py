"""What a message that an endpoint refused goes through at the admin site, in a real browser."""

from playwright.async_api import Browser, expect

from tests.domain.webhooks.test_admin import DELIVERY, ENDPOINT
from tests.e2e.hands import press
from tests.e2e.house import House
from tests.e2e.looking import Visitor

NAME = "https://lock.example.com/hooks"
# There is nobody to be told.
LEFT_OUT = "UPDATE platform_job SET state = 'cancelled' WHERE name = 'webhooks.deliver' RETURNING name"
WAITING = "SELECT count(*) FROM webhooks_delivery WHERE state = 'pending' AND endpoint_id = $1"


async def a_message_is_sent_once_more(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """By keyboard alone, from the list of endpoints to what was answered."""
    page = visitor.page
    endpoint = await house.sql(ENDPOINT, NAME)
    await house.sql(DELIVERY, endpoint)
    await visitor.goto("/admin/-/webhooks")
    await press(page, page.get_by_role("link", name=NAME))
    await press(page, page.get_by_role("link", name="ships.ship_sailed"))
    await expect(page.get_by_role("main")).to_contain_text("no room")
    await press(page, page.get_by_role("button", name="Send once more"))
    await expect(page.get_by_role("status").first).to_contain_text("The message is sent once more.")
    assert await house.sql(LEFT_OUT), "a worker is asked for it"
    assert await house.sql(WAITING, endpoint) == 1


JOURNEYS = [a_message_is_sent_once_more]
