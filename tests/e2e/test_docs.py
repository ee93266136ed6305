"""The OpenAPI pages in a real browser, with no network but the server: they load, authorize, and call."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Route, expect

from tests.e2e.running import Running

pytestmark = pytest.mark.browser

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`));
"""
# Swagger UI takes the `_` of an operation's name, in its own link, for a space written as of old.
OF_ITS_OWN_LINKS = "Deprecated: escaping deep link whitespace"


@dataclass
class Visit:
    """A page, and all that went wrong on it."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(OF_ITS_OWN_LINKS):
            self.faults.append(message.text)


@pytest.fixture
async def visit(chromium: Browser, server: Running) -> AsyncIterator[Visit]:
    """A visit that ends with nothing to complain of: no error, no breach of the policy, no call to another host."""
    context = await chromium.new_context()
    visit = Visit(await context.new_page())

    async def admit(route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(server.origin).netloc:
            await route.continue_()
        else:
            visit.faults.append(f"calls {route.request.url}")
            await route.abort()

    await context.route("**", admit)
    await context.add_init_script(REPORT_VIOLATIONS)
    visit.page.on("console", visit.hear)
    visit.page.on("pageerror", lambda error: visit.faults.append(str(error)))
    yield visit
    await context.close()
    assert visit.faults == []


@pytest.fixture
def token(server: Running) -> str:
    """The token of somebody who signed up a moment ago."""
    person = {"username": "ann.smith", "email": "ann@example.com", "password": "correct horse battery staple"}
    return server.post("/api/v1/accounts/users", person).raise_for_status().json()["token"]


@pytest.mark.long(15)
async def test_one_reads_authorizes_and_calls(visit: Visit, server: Running, token: str):
    """One journey, for each start of a server and of the pages takes seconds."""
    page = visit.page
    async with page.expect_response("**/openapi.json") as answer:
        await page.goto(f"{server.origin}/docs")
    document = await (await answer.value).json()
    await expect(page.locator(".opblock")).to_have_count(sum(map(len, document["paths"].values())))

    mine = await opened(page, "read_account")
    assert page.url == f"{server.origin}/docs#/accounts/read_account"
    await expect(await executed(mine)).to_contain_text("token is missing")
    [missing] = visit.faults  # the browser's own line about the 401
    visit.faults.clear()
    assert "401" in missing

    await authorize(page, "bearer", token)
    await expect(await executed(mine)).to_contain_text('"username": "ann.smith"')

    changed = await opened(page, "change_account")
    await expect(changed.locator("textarea")).to_contain_text('"bio": "I sail."')  # the example, to start from
    await changed.locator("textarea").fill('{"bio": "I sail alone."}')
    await expect(await executed(changed)).to_contain_text('"bio": "I sail alone."')

    await page.reload()  # forgets the token, and comes back to the operation in the address
    changed = page.locator("#operations-accounts-change_account")
    await expect(changed.get_by_role("button", name="Try it out")).to_be_visible()
    await authorize(page, "token", f"Token {token}")
    await expect(await executed(await opened(page, "read_account"))).to_contain_text('"bio": "I sail alone."')


async def opened(page: Page, name: str) -> Locator:
    """An operation of accounts, ready to be called."""
    operation = page.locator(f"#operations-accounts-{name}")
    await operation.locator(".opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    return operation


async def authorize(page: Page, scheme: str, value: str) -> None:
    await page.locator(".auth-wrapper > .btn.authorize").click()
    container = page.locator(".auth-container", has=page.locator("h4 code", has_text=scheme))
    await container.locator("input").fill(value)
    await container.locator("button.authorize").click()
    await expect(container.get_by_role("heading", name="Authorized")).to_be_visible()
    await page.locator(".modal-ux .close-modal").click()


async def executed(operation: Locator) -> Locator:
    """The server's answer to the call."""
    await operation.locator(".btn.execute").click()
    return operation.locator(".live-responses-table .response")
