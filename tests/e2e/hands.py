"""What people do with a keyboard, and that they see where they are."""

from playwright.async_api import Locator, Page, expect

# Some frame, shadow or ground tells where the focus is.
MARKED = """
(one) => {
  const {outlineStyle, outlineWidth, outlineColor, boxShadow, backgroundColor} = getComputedStyle(one);
  const clear = "rgba(0, 0, 0, 0)";
  const framed = outlineStyle !== "none" && outlineWidth !== "0px" && outlineColor !== clear;
  return one.matches(":focus-visible") && (framed || boxShadow !== "none" || backgroundColor !== clear);
}
"""


async def press(page: Page, what: Locator, *, backwards: bool = False) -> None:
    """Come to it by the tabulator, see that one sees where one is, and press it."""
    for _ in range(60):
        if await what.evaluate("one => one === document.activeElement"):
            break
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
    await expect(what).to_be_focused()
    assert await what.evaluate(MARKED), f"one does not see that {what} has the focus"
    await page.keyboard.press("Enter")


async def write(page: Page, name: str, text: str) -> None:
    """Put this into a field, in the place of what it holds."""
    await page.locator(f"#field-{name}").focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)


async def act(page: Page, name: str) -> None:
    """Open the dialog of an action for the rows that are ticked."""
    await page.locator("#bulk-actions-button").click()
    menu = page.locator("#bulk-actions-menu")
    await menu.get_by_role("button", name=name, exact=True).click()


async def exported(page: Page, name: str) -> bytes:
    """The list as a file of this kind."""
    await page.get_by_role("button", name="Export").focus()
    async with page.expect_download() as download:
        await page.get_by_role("link", name=name, exact=True).first.click()
    return (await (await download.value).path()).read_bytes()
