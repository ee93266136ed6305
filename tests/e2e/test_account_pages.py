"""The pages of mailed links in a real browser without scripts, by keyboard alone, from the page that shows the mail."""

import html
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Page, Request, expect

from tests.e2e.running import Running, until

pytestmark = pytest.mark.browser

ANN = {"username": "ann", "email": "ann@example.com", "password": "correct horse battery staple"}
NEW = "a password of today"


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page without scripts, on which nothing breaks the policy, and from which no secret leaks as a referrer."""
    context = await chromium.new_context(java_script_enabled=False)
    page, faults = await context.new_page(), []

    def look(request: Request) -> None:
        if "lh_link_" in request.headers.get("referer", ""):
            faults.append(f"{request.url} is told whence one comes")

    page.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
    page.on("request", look)
    yield page
    await context.close()
    assert faults == []


@pytest.fixture
def worker(server: Running, lent_database_url: str) -> Iterator[Running]:
    """Who hands over what the server wrote down, into the folder that both have."""
    settings = {"database_url": lent_database_url, "environment": "development", "port": server.port}
    with Running("worker", **settings) as worker:
        yield worker
        worker.process.terminate()
        assert worker.ended() == 0


def mail_page(worker: Running, subject: str) -> str:
    """The page of the newest mail of this subject, whose address the worker printed."""
    pattern = rf"----- mail to \S+: {subject} - http://localhost:\d+(/mail/\S+)\n"
    until(lambda: re.search(pattern, worker.said), f"a mail is sent: {subject}")
    return re.findall(pattern, worker.said)[-1]


def link_in_mail(server: Running, worker: Running, subject: str) -> str:
    """The link in that mail."""
    shown = server.get(mail_page(worker, subject))
    [link] = re.findall(r'href="(http://localhost:\d+/account/[^"]+)"', shown.text)
    return html.unescape(link)


@pytest.mark.long(10)
async def test_one_confirms_an_address_and_chooses_a_password_by_keyboard(page: Page, server: Running, worker: Running):
    server.post("/api/v1/accounts/users", ANN).raise_for_status()
    await page.goto(link_in_mail(server, worker, "Confirm your address"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your address")
    assert await page.evaluate("getComputedStyle(document.body).maxWidth") == "640px", "the stylesheet is used"
    await press(page, "Confirm the address")
    await expect(page.get_by_role("status")).to_contain_text("nothing more to do")
    assert "token" not in page.url

    server.post("/api/v1/accounts/links/reset", {"email": ANN["email"]}).raise_for_status()
    await page.goto(link_in_mail(server, worker, "Choose a new password"))
    await page.get_by_label("New password").focus()
    await page.keyboard.type("12345678")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The password is a password that many use.")
    await expect(page).to_have_title("Error: Choose a new password")

    await page.get_by_label("New password").focus()
    await page.keyboard.type(NEW)
    await press(page, "Change the password")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have a new password")
    server.post("/api/v1/accounts/tokens", {"email": ANN["email"], "password": NEW}).raise_for_status()

    await page.goto(link_in_mail(server, worker, "Choose a new password"))
    await expect(page.get_by_role("alert")).to_contain_text("The link was used already")


@pytest.mark.long(8)
async def test_one_is_signed_in_by_a_link_in_the_browser_that_opens_it(page: Page, server: Running, worker: Running):
    server.post("/api/v1/accounts/users", ANN).raise_for_status()
    server.post("/api/v1/accounts/links/sign-in", {"email": ANN["email"]}).raise_for_status()
    await page.goto(f"http://localhost:{server.port}{mail_page(worker, 'Your link to sign in')}")
    await expect(page.frame_locator("iframe").get_by_role("link", name="Sign in")).to_be_visible()
    await page.get_by_role("link", name="/account/sign-in?token=").click()
    await press(page, "Sign in")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed in")
    [cookie] = await page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("session", True, "Lax")
    assert cookie["value"] not in await page.content()
    await page.goto(page.url.partition("/account/")[0] + "/api/v1/accounts/me")
    assert '"username":"ann"' in await page.content()


async def press(page: Page, button: str) -> None:
    """Come to the button by the tabulator, and press it."""
    for _ in range(5):
        await page.keyboard.press("Tab")
        if await page.get_by_role("button", name=button).evaluate("one => one === document.activeElement"):
            break
    await page.keyboard.press("Enter")
