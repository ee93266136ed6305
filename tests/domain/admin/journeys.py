"""What an event that a subscriber gave up goes through at the admin site, in a real browser."""

from playwright.async_api import Browser, expect

from tests.e2e.hands import press
from tests.e2e.house import House
from tests.e2e.looking import Visitor

HELD = """
WITH event AS (
    INSERT INTO platform_event (position, id, at, name, subject, payload)
    VALUES (800001, uuidv7(), now(), 'ships.ship_sunk', 'ship:1', '{}') RETURNING position, subject
), subscription AS (INSERT INTO platform_subscription VALUES ('mail.mourn', 0))
INSERT INTO platform_held (subscriber, position, subject, attempts, is_dead, error)
SELECT 'mail.mourn', position, subject, 5, true, 'OSError: no priest' FROM event
"""
LEFT = "SELECT count(*) FROM platform_held WHERE subscriber = 'mail.mourn' AND is_dead"


async def an_event_is_tried_again(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """By keyboard alone: from what needs attention to what it was given up for."""
    page = visitor.page
    await house.sql(HELD)
    await visitor.goto("/admin/")
    await press(page, page.get_by_role("link", name="mail.mourn gave 1 event up"))
    await expect(page.get_by_role("main")).to_contain_text("OSError: no priest")
    await press(page, page.get_by_role("button", name="Retry: mail.mourn 800001"))
    await expect(page.get_by_role("status").first).to_contain_text("1 event is tried again")
    assert await house.sql(LEFT) == 0


JOURNEYS = [an_event_is_tried_again]
