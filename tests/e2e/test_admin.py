"""The admin site as people meet it, in a real browser: by keyboard, wide and narrow, light and dark."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pyotp
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.databases import cloned
from tests.e2e.looking import Visitor, visiting
from tests.e2e.serving import Quick
from tests.e2e.test_passkeys import AUTHENTICATOR, CREATE, call
from tests.e2e.walking import fill, kind, read, walk

pytestmark = [pytest.mark.browser, pytest.mark.long(41)]  # one after the other, by one process: they share a server

# Some frame, shadow or ground tells where the focus is.
MARKED = """
(one) => {
  const {outlineStyle, outlineWidth, outlineColor, boxShadow, backgroundColor} = getComputedStyle(one);
  const clear = "rgba(0, 0, 0, 0)";
  const framed = outlineStyle !== "none" && outlineWidth !== "0px" && outlineColor !== clear;
  return one.matches(":focus-visible") && (framed || boxShadow !== "none" || backgroundColor !== clear);
}
"""
PASSWORD = "correct horse battery staple"


class House(Quick):
    """A server with the admin site, and its database beside it."""

    def __init__(self, url: str) -> None:
        super().__init__("serve", database_url=url, environment="development")
        self.url, self.site = url, f"http://localhost:{self.port}"  # passkeys are for names alone

    async def sql(self, statement: str, *values: object) -> Any:
        """What a statement answers first."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    async def fill(self) -> None:
        """Have rows to show."""
        connection = await asyncpg.connect(self.url)
        try:
            await fill(connection)
        finally:
            await connection.close()

    async def person(self, name: str, **rights: bool) -> str:
        """Somebody who signed up, and may do this. Returns their token."""
        person = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        made = await asyncio.to_thread(self.post, "/api/v1/accounts/users", person)
        for right in rights:
            await self.sql(f"UPDATE accounts_user SET {right} = true WHERE username = $1", name)
        return made.raise_for_status().json()["token"]


@pytest.fixture(scope="module")
def house(server_url: str, template: str) -> Iterator[House]:
    """A server with development's ease, on a database of its own, for all tests here."""
    with cloned(server_url, template) as url, House(url) as house:
        house.until_answer()
        yield house
        house.interrupt()
        house.ended()


@pytest.fixture
async def visitor(chromium: Browser, house: House) -> AsyncIterator[Visitor]:
    """Somebody who comes to the site, not signed in."""
    async with visiting(chromium, house.site) as visitor:
        yield visitor


async def test_one_signs_in_by_each_second_factor_and_out(visitor: Visitor, house: House):
    token = await house.person("ann", is_staff=True)
    secret, codes = await second_factor(house, token)
    page = visitor.page
    await visitor.goto("/admin/")
    await expect(page.get_by_label("E-mail address or username")).to_be_focused()
    await visitor.look("sign-in")
    await enter(page, "ann", "wrong")
    refusal = page.get_by_role("alert")
    await expect(refusal).to_have_text("No account has this name and this password.")
    await expect(refusal).to_be_focused()
    visitor.forgive(status=401)
    await visitor.look("sign-in-refused")

    await enter(page, "ann")
    await expect(page.get_by_label("Code of your app")).to_be_focused()
    await answer(page, "000000")
    await expect(refusal).to_have_text("This code is not right, or was used already.")
    visitor.forgive(status=401)
    await visitor.look("second-factor")
    await answer(page, pyotp.TOTP(secret).now())
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    await with_passkey(page)
    await sign_out(page)
    await enter(page, "ann")
    await answer(page, codes[0])
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    await sign_out(page)
    await enter(page, "ann@example.com")
    await press(page, page.get_by_role("button", name="Use a passkey"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    await sign_out(page)
    await visitor.goto("/admin/")  # the session is over, not only forgotten by a page
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_who_is_not_staff_is_told_so(visitor: Visitor, house: House):
    await house.person("bob")
    await visitor.goto("/admin/login")
    await enter(visitor.page, "bob")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("this account may not enter here")


async def test_one_finds_changes_and_acts(visitor: Visitor, house: House):
    page = visitor.page
    await house.person("kim", is_staff=True, is_superuser=True)
    await house.person("leo")
    await visitor.goto("/admin/")
    await enter(page, "kim")
    await makes_a_group(visitor)
    await is_told_of_another_editor(visitor, house)
    await finds_and_exports(visitor)
    await keeps_somebody_out(visitor, house)
    await speaks_german(page)


async def test_what_one_may_not_do_is_not_there_and_forged_forms_are_refused(visitor: Visitor, house: House):
    page = visitor.page
    await house.person("mia", is_staff=True)
    await visitor.goto("/admin/")
    await enter(page, "mia")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert "Groups" not in await page.locator("#sidebar-links a").all_inner_texts()
    await visitor.goto("/admin/groups")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    visitor.forgive(status=404)
    await visitor.look("not-found")
    assert await page.evaluate("async () => (await fetch('/admin/-/language', {method: 'POST'})).status") == 403
    visitor.forgive(status=403)


async def makes_a_group(visitor: Visitor) -> None:
    """With an error first: it is said above, where the focus is then, and beside its field."""
    page = visitor.page
    await press(page, page.locator("#sidebar-links").get_by_role("link", name="Groups"))
    await press(page, page.get_by_role("link", name="New group"))
    await press(page, page.get_by_role("button", name="Create group"))
    summary = page.get_by_role("alert")
    await expect(summary).to_be_focused()
    await expect(page).to_have_title(re.compile("^Error:"))
    visitor.forgive(status=422)
    await visitor.look("form-with-an-error")
    await press(page, summary.get_by_role("link", name="Name"))
    name = page.get_by_role("textbox", name="Name")
    await expect(name).to_have_accessible_description(re.compile("required|empty|blank"))
    await name.focus()
    await page.keyboard.type("Mates")
    await press(page, page.get_by_role("button", name="Create group"))
    await expect(page.get_by_role("status").first).to_contain_text("Group created.")


async def is_told_of_another_editor(visitor: Visitor, house: House) -> None:
    """Who saves second is shown what was changed meanwhile."""
    page = visitor.page
    key = await house.sql("SELECT id FROM accounts_group WHERE name = 'Mates'")
    await visitor.goto(f"/admin/groups/{key}/edit")
    await house.sql("UPDATE accounts_group SET name = 'First mates' WHERE id = $1", key)
    name = page.get_by_role("textbox", name="Name")
    await name.fill("Second mates")
    await press(page, page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_role("heading", name="What was changed meanwhile")).to_be_visible()
    await expect(page.locator("ins")).to_have_text("First mates")
    await expect(page.get_by_role("alert")).to_be_focused()
    visitor.forgive(status=422)
    await visitor.look("two-editors")
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Second mates")


async def finds_and_exports(visitor: Visitor) -> None:
    """What is typed narrows the list; a file of it comes."""
    page = visitor.page
    await visitor.goto("/admin/groups")
    await page.get_by_role("searchbox", name="Search groups").first.fill("mates")
    await expect(page).to_have_url(re.compile("q=mates"))
    await expect(page.locator("tbody tr")).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
        await page.get_by_role("link", name="CSV").first.click()
    path = await (await download.value).path()
    assert "Second mates" in path.read_text(encoding="utf-8-sig")


async def keeps_somebody_out(visitor: Visitor, house: House) -> None:
    """An action that asks first: by keyboard alone, and Escape goes back to where one was."""
    page = visitor.page
    await visitor.goto("/admin/users?q=leo")
    key = await house.sql("SELECT id FROM accounts_user WHERE username = 'leo'")
    box, actions = page.locator(f"input[name=keys][value='{key}']"), page.locator("#bulk-actions-button")
    await box.focus()
    await page.keyboard.press("Space")
    await press(page, actions, backwards=True)
    await press(page, page.locator("#bulk-actions-menu").get_by_role("button", name="Keep out"))
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("keep them out?")
    await visitor.look("action")
    for _ in range(5):  # what is behind the dialog is out of reach; the browser's own frame is not
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.matches('body, dialog *')")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(actions).to_be_focused()
    await page.keyboard.press("Enter")
    await press(page, page.locator("#bulk-actions-menu").get_by_role("button", name="Keep out"))
    await press(page, dialog.get_by_role("button", name="Keep out"))
    await expect(page.get_by_role("status").first).to_contain_text("(1)")
    assert await house.sql("SELECT is_active FROM accounts_user WHERE username = 'leo'") is False


async def speaks_german(page: Page) -> None:
    """Chosen in the account menu, by keyboard, and kept."""
    await press(page, page.locator("aside .dropdown > [role=button]"))
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    await press(page, page.locator("aside .dropdown > [role=button]"))
    await press(page, page.locator("#language-row"))
    await press(page, page.get_by_role("button", name="Deutsch"))
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Benutzer")


@pytest.mark.timeout(300)
async def test_every_page_is_fit_for_everybody_in_both_languages(chromium: Browser, house: House):
    await house.person("ruth", is_staff=True, is_superuser=True)
    await house.fill()
    async with visiting(chromium, house.site, locale="de-DE") as visitor:
        await visitor.goto("/admin/")
        await visitor.look("sign-in-de")
        await read(visitor, "sign-in")
        await enter(visitor.page, "ruth")
        await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Übersicht")
        kinds = set()
        async for name in walk(visitor):
            await visitor.look(name, once=kind(name) in kinds)
            await read(visitor, name)
            kinds.add(kind(name))
    assert {"admin", "admin-x", "admin-x-one", "admin-x-one-edit", "admin-x-new"} <= kinds


async def second_factor(house: House, token: str) -> tuple[str, list[str]]:
    """Codes by an app: their secret, and the recovery codes."""
    door, bearer = "/api/v1/accounts/second-factors/totp", {"Authorization": f"Bearer {token}"}
    secret = (await asyncio.to_thread(house.post, door, None, **bearer)).raise_for_status().json()["secret"]
    code = {"code": pyotp.TOTP(secret).at(datetime.now(UTC) - timedelta(seconds=30))}  # today's is for signing in
    confirmed = await asyncio.to_thread(house.post, f"{door}/confirmation", code, **bearer)
    return secret, confirmed.raise_for_status().json()["recoveryCodes"]


async def with_passkey(page: Page) -> None:
    """Have whoever is signed in own a passkey of this browser."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    _, offer = await call(page, "POST", "/passkeys/registration")
    credential = await page.evaluate(CREATE, offer["publicKey"])
    status, _ = await call(page, "POST", "/passkeys", {"name": "A key", "credential": credential})
    assert status == 201


async def enter(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill the first form in, by keyboard."""
    await page.locator("#email").focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type(name)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Control+A")
    await page.keyboard.type(password)
    await page.keyboard.press("Enter")


async def answer(page: Page, code: str) -> None:
    """Answer with a code."""
    await expect(page.get_by_label("Code of your app")).to_be_visible()
    await page.get_by_label("Code of your app").focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def sign_out(page: Page) -> None:
    """By the menu at the foot of the sidebar."""
    await press(page, page.locator("aside .dropdown > [role=button]"))
    await press(page, page.get_by_role("button", name="Sign out"))
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def press(page: Page, what: Locator, *, backwards: bool = False) -> None:
    """Come to it by the tabulator, see that one sees where one is, and press it."""
    for _ in range(60):
        if await what.evaluate("one => one === document.activeElement"):
            break
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
    await expect(what).to_be_focused()
    assert await what.evaluate(MARKED), f"one does not see that {what} has the focus"
    await page.keyboard.press("Enter")
