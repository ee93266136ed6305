"""What groups and users go through at the admin site, in a real browser."""

import re

from playwright.async_api import Browser, Page, expect

from app.domain.accounts.policies import MANAGE_PERMISSIONS, MANAGE_USERS
from tests.e2e.hands import press
from tests.e2e.house import House
from tests.e2e.looking import ALIKE, THOROUGH, WITHIN, Visitor

SAILOR = "INSERT INTO accounts_user (username, email, password) VALUES ($1, $1 || '@example.com', '!') RETURNING id"


async def a_group_is_made_and_changed_by_two(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """With an error first: it is said above, where the focus is then, and beside its field. All by keyboard."""
    page = visitor.page
    await visitor.goto("/admin/")
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

    key = await house.sql("SELECT id FROM accounts_group WHERE name = 'Mates'")
    await visitor.goto(f"/admin/groups/{key}/edit")
    await house.sql("UPDATE accounts_group SET name = 'First mates' WHERE id = $1", key)
    await name.fill("Second mates")
    await press(page, page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_role("heading", name="What was changed meanwhile")).to_be_visible()
    await expect(page.locator("ins")).to_have_text("First mates")
    await expect(page.get_by_role("alert")).to_be_focused()
    visitor.forgive(status=422)
    await visitor.look("two-editors", ALIKE)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Second mates")

    await visitor.goto("/admin/groups")
    await page.get_by_role("searchbox", name="Search groups").first.fill("second")
    await expect(page).to_have_url(re.compile("q=second"))
    await expect(page.locator("tbody tr")).to_have_count(1)


async def a_user_is_kept_out(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """An action that asks first: by keyboard alone, and Escape goes back to where one was."""
    page = visitor.page
    key = await house.sql(SAILOR, "leo")
    await visitor.goto("/admin/users?q=leo")
    box, actions = page.locator(f"input[name=keys][value='{key}']"), page.locator("#bulk-actions-button")
    await box.focus()
    await page.keyboard.press("Space")
    await press(page, actions, backwards=True)
    await press(page, page.locator("#bulk-actions-menu").get_by_role("button", name="Keep out"))
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("keep them out?")
    await visitor.look("action", THOROUGH)
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


async def a_user_is_put_into_groups(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """Many to many: chosen by typing, one taken out again, all by keyboard; the page of the user says so."""
    page = visitor.page
    key = await house.sql(SAILOR, "ishmael")
    for name in ("Harpooneer mates", "Steward mates"):
        await house.sql("INSERT INTO accounts_group (name) VALUES ($1)", name)
    await visitor.goto(f"/admin/users/{key}/edit")
    groups = page.get_by_role("combobox", name="Groups")
    for typed in ("harp", "stew"):
        await groups.focus()
        await page.keyboard.type(typed)
        await expect(page.get_by_role("option").filter(visible=True)).to_have_count(1)
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Remove Steward mates")).to_be_visible()
    await visitor.look("picker-of-many", WITHIN, part="form")
    await press(page, page.get_by_role("button", name="Remove Harpooneer mates"), backwards=True)
    await press(page, page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_role("status").first).to_contain_text("saved")
    groups_of = "SELECT string_agg(name, ',') FROM accounts_membership JOIN accounts_group g ON g.id = group_id"
    assert await house.sql(f"{groups_of} WHERE user_id = $1", key) == "Steward mates"
    await expect(page.get_by_role("main")).to_contain_text("Steward mates")


async def a_list_is_narrowed_by_what_is_counted(visitor: Visitor, house: House, _chromium: Browser) -> None:
    """Filters and dates with counts; then an action that asks for something, refused without it."""
    page = visitor.page
    for number in range(3):
        key = await house.sql(SAILOR, f"mates-{number}")
        await house.sql("UPDATE accounts_user SET created_at = '2019-05-04 12:00Z' WHERE id = $1", key)
    await visitor.goto("/admin/sailors")
    steps = page.get_by_role("navigation", name="Created at")
    await steps.get_by_role("link", name="2019 (3)").click()
    await steps.get_by_role("link", name="2019-05 (3)").click()
    await expect(steps.get_by_role("link", name="2019-05-04 (3)")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(3)
    await page.get_by_role("button", name="Filters").click()
    drawer = page.locator("#filters")
    others = await house.sql("SELECT count(*) FROM accounts_user WHERE NOT is_staff")
    await expect(drawer.locator("label", has_text="No")).to_contain_text(str(others))
    await visitor.look("filters-counted", WITHIN, part="#filters")
    await drawer.get_by_label("No").check()
    await expect(page).to_have_url(re.compile("is_staff=false"))
    await page.keyboard.press("Escape")
    await visitor.look("list-by-dates", ALIKE)

    await page.get_by_role("checkbox", name="Select mates-0").check()
    await page.locator("#bulk-actions-button").click()
    await page.locator("#bulk-actions-menu").get_by_role("button", name="Give a name").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Give them a new name?")
    await dialog.get_by_label("Name").fill("Old ☼")
    await visitor.look("action-that-asks", WITHIN, part="dialog[open]")
    await dialog.get_by_role("button", name="Give a name").click()
    await expect(page.get_by_role("status").first).to_contain_text("Named. (1)")
    assert await house.sql("SELECT display_name FROM accounts_user WHERE username = 'mates-0'") == "Old ☼"


async def a_list_is_kept_for_all(visitor: Visitor, house: House, chromium: Browser) -> None:
    """Columns that one chooses, kept under a name, shared, used by another, and taken away again."""
    page = visitor.page
    await house.sql(SAILOR, "queequeg")
    await visitor.goto("/admin/users?q=queequeg")
    await page.get_by_role("button", name="Columns").click()
    await page.get_by_role("checkbox", name="Joined").uncheck()
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_role("columnheader", name="Joined")).to_be_hidden()
    await page.get_by_role("button", name="Save this view").click()
    dialog = page.get_by_role("dialog")
    await page.keyboard.type("Harpooneers ☼")
    await visitor.look("view-to-save", WITHIN, part="dialog[open]")
    await dialog.get_by_label("Everyone can use it").check()
    await dialog.get_by_role("button", name="Save").click()
    tab = page.get_by_role("link", name="Harpooneers ☼")
    await expect(tab).to_have_attribute("aria-current", "page")

    async with house.staff(chromium, "starbuck", MANAGE_USERS) as other:
        await other.goto("/admin/users")
        await other.page.get_by_role("link", name="Harpooneers ☼ shared").click()
        await expect(other.page.locator("tbody tr")).to_have_count(1)
        await expect(other.page.get_by_role("columnheader", name="Joined")).to_be_hidden()
        await expect(other.page.get_by_role("button", name="Remove Harpooneers")).to_have_count(0)

    await page.get_by_role("button", name="Remove Harpooneers ☼").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(tab).to_have_count(0)


async def one_is_spoken_to_in_german(_visitor: Visitor, house: House, chromium: Browser) -> None:
    """Chosen in the account menu, by keyboard, and kept."""
    async with house.staff(chromium, "stubb", MANAGE_PERMISSIONS) as visitor:
        page: Page = visitor.page
        await visitor.goto("/admin/groups")
        menu = page.locator("aside .dropdown > [role=button]")
        await press(page, menu)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        await press(page, menu)
        await press(page, page.locator("#language-row"))
        await press(page, page.get_by_role("button", name="Deutsch"))
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Gruppen")


JOURNEYS = [
    a_group_is_made_and_changed_by_two,
    a_user_is_kept_out,
    a_user_is_put_into_groups,
    a_list_is_narrowed_by_what_is_counted,
    a_list_is_kept_for_all,
    one_is_spoken_to_in_german,
]
