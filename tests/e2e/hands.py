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
