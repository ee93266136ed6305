"""What a job that was given up goes through at the admin site, in a real browser."""

from playwright.async_api import Browser, expect

from tests.e2e.hands import press
from tests.e2e.house import House
from tests.e2e.looking import Visitor

DEAD = """
INSERT INTO platform_job (name, queue, state, arguments, tries, attempts, ended_at, error)
VALUES ('ships.furl', 1, 'dead', '{}', 5, 5, now(), 'OSError: no wind') RETURNING id
"""
STATE = "SELECT state FROM platform_job WHERE id = $1"


async def a_job_is_tried_anew_and_cancelled(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """By keyboard alone, from the list; what cannot be undone asks first."""
    page = visitor.page
    key = await house.sql(DEAD)
    await visitor.goto("/admin/-/jobs?state=dead")
    await press(page, page.get_by_role("button", name="Retry: ships.furl"))
    await expect(page.get_by_role("status").first).to_contain_text("The job is tried anew.")
    assert await house.sql(STATE, key) == "waiting"
    await visitor.goto("/admin/-/jobs?name=ships.furl")
    await press(page, page.get_by_role("link", name="ships.furl"))
    await expect(page).to_have_title("ships.furl · Litehouse")
    answers = iter(("dismiss", "accept"))
    page.on("dialog", lambda dialog: getattr(dialog, next(answers))())
    await press(page, page.get_by_role("button", name="Cancel it"))
    assert await house.sql(STATE, key) == "waiting"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").first).to_contain_text("The job is cancelled.")
    await expect(page.get_by_role("button", name="Cancel it")).to_have_count(0)
    assert await house.sql(STATE, key) == "cancelled"


JOURNEYS = [a_job_is_tried_anew_and_cancelled]
