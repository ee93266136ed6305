"""What cannot be, in the address of any page of the site: it is refused by its name, or finds nothing."""

import re
from collections.abc import Awaitable, Callable

from litestar import Litestar

from app.domain.admin.opening import opened
from tests.domain.admin.conftest import OURS, Browser

Enter = Callable[..., Awaitable[Browser]]
COUNTED = {"HX-Request": "true", "HX-Trigger": "records-counter"}
PARAMETERS = (
    "q",
    "sort",
    "page",
    "size",
    "cols",
    "after",
    "before",
    "as_of",
    "format",
    "state",
    "user",
    "job",
    "event",
)
STRANGE = (
    "\0",
    "1" + "0" * 30,
    "2026-02-30,2026-13-01",
    "0001-01-01,9999-12-31",
    "WyI5OTk5LTEyLTMxIiwgIjEiXQ",  # a cursor of another list
    "{0.__class__}",
)


async def test_what_cannot_be_is_refused_by_its_name(staff: Enter, app: Litestar):
    admin = await staff(is_superuser=True)
    await admin.page("/")
    site = await opened(app.state)
    failed = []
    for path, names in asked(site):
        for value in STRANGE if "/STRANGE" not in path and "lookup" not in path else STRANGE[:2]:
            address = path.replace("STRANGE", value.replace("\0", "%00"))
            answer = await admin.get(f"/admin{address}", params=dict.fromkeys(names, value), headers=COUNTED)
            is_named = re.search(rf"\b({'|'.join((*names, 'asOf', 'page', 'key', 'path'))}) (must|is)\b", answer.text)
            if answer.status_code >= 500 or not (answer.status_code < 400 or answer.status_code == 404 or is_named):
                failed.append((address, value, answer.status_code))
    assert not failed

    form = admin.hidden(await admin.page("/users"))
    kept = {name: form | {"name": name, "query": "q=a"} for name in ("a\0", "a")}
    refused = await admin.post("/admin/users/saved-views", data=kept["a\0"], headers=OURS)
    assert (refused.status_code, "name must not contain NUL characters" in refused.text) == (422, True)
    gone = await admin.post(f"/admin/users/saved-views/{'9' * 30}/delete", data=kept["a"], headers=OURS)
    assert gone.status_code == 303


def asked(site) -> list[tuple[str, tuple[str, ...]]]:
    """The addresses of the site's pages, each with what it is asked after the question mark."""
    found = [(f"/-/{name}", PARAMETERS) for name in site.pages] + [("/-/search", ("q",)), ("/-/STRANGE", ())]
    for view in site.views:
        filters = [item.name for item in view._settings.list_filters]
        found += [(f"/{view.name}", (*PARAMETERS, *filters)), (f"/{view.name}/export", ("q", *filters))]
        found += [(f"/{view.name}/{part}", ("as_of",)) for part in ("STRANGE", "STRANGE/edit", "lookup/STRANGE")]
        found += [(f"/{view.name}/filter/{name}/lookup", ("q",)) for name in filters]
    return found
