"""The admin site as people meet it, in a real browser: by keyboard, wide and narrow, light and dark."""

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.hands import press
from tests.e2e.house import PASSWORD, House
from tests.e2e.looking import ALIKE, EVERY, THOROUGH, Visitor, visiting
from tests.e2e.test_passkeys import AUTHENTICATOR, CREATE, call
from tests.e2e.walking import is_own, kind, read, walk

pytestmark = [pytest.mark.browser, pytest.mark.long(41)]  # one after the other, by one process: they share a server


async def test_one_signs_in_by_each_second_factor_and_out(visitor: Visitor, staffed: House):
    token = await staffed.person("ann", is_staff=True)
    secret, codes = await second_factor(staffed, token)
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


async def test_who_is_not_staff_is_told_so(visitor: Visitor, staffed: House):
    await staffed.person("bob")
    await visitor.goto("/admin/login")
    await enter(visitor.page, "bob")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("this account may not enter here")


async def test_what_one_may_not_do_is_not_there_and_forged_forms_are_refused(visitor: Visitor, staffed: House):
    page = visitor.page
    await staffed.person("mia", is_staff=True)
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


@pytest.mark.timeout(300)
async def test_every_page_is_fit_for_everybody_in_both_languages(chromium: Browser, staffed: House):
    await staffed.person("ruth", is_staff=True, is_superuser=True)
    await staffed.fill()
    async with visiting(chromium, staffed.site, locale="de-DE") as visitor:
        await visitor.goto("/admin/")
        await visitor.look("sign-in-de", ALIKE)
        await read(visitor, "sign-in")
        await enter(visitor.page, "ruth")
        await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Übersicht")
        kinds, visitor.returns = set(), False
        async for name in walk(visitor):
            like = kind(name, await visitor.page.title())
            if like in kinds:
                await visitor.look(name, ALIKE)
            elif is_own(name):  # what stands around it is that of all other pages
                await visitor.look(name, EVERY, part="main")
            else:
                await visitor.look(name, EVERY if name == "admin" else THOROUGH)
            await read(visitor, name)
            kinds.add(like)
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
