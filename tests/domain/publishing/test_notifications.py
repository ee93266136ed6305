"""What publishing tells users of: from the request of whoever did it, by the log and a dispatcher, to an inbox."""

import asyncio
from collections.abc import Callable

import httpx

from app.domain.publishing.module import module
from app.platform.database.pools import Database
from app.platform.events.delivery import subscribe
from app.platform.events.dispatcher import Dispatcher, telling

INBOX = "/api/v1/notifications"
COMMENTS = "/api/articles/of-whales/comments"
FOLLOW = "/api/profiles/ann/follow"
KINDS = ["publishing.comment_on_my_article", "publishing.new_follower"]


async def test_an_author_is_told_of_what_others_say_and_of_each_follower_once(
    client: httpx.AsyncClient, database: Database, sign_in: Callable
):
    async def done(method: str, path: str, who: httpx.Auth, body: object = None) -> httpx.Response:
        return (await client.request(method, path, json=body, auth=who)).raise_for_status()

    ann, bea, cat = await sign_in("ann"), await sign_in("bea"), await sign_in("cat")
    await subscribe(database, [one.name for one in module.subscribers])
    await done("POST", "/api/articles", ann, {"article": {"title": "Of whales", "description": "d", "body": "b"}})
    said = [await done("POST", COMMENTS, who, {"comment": {"body": "well"}}) for who in (ann, bea, bea)]
    await done("DELETE", f"{COMMENTS}/{said[1].json()['comment']['id']}", bea)
    for method, who in (("POST", bea), ("DELETE", bea), ("POST", bea), ("POST", cat)):
        await done(method, FOLLOW, who)
    await done("POST", COMMENTS, cat, {"comment": {"body": "the last that they hear of"}})

    notices = telling(database)
    database.on_published = None
    async with notices.lifespan(), Dispatcher(database, notices, module.subscribers, 30).lifespan(10):
        async with asyncio.timeout(60):  # the sequencer waits for transactions of other tests on this server
            while len(told := (await client.get(INBOX, auth=ann)).json()["items"]) < 4:
                await asyncio.sleep(0.05)

    of_comments, of_followers = ([one for one in reversed(told) if one["kind"] == kind] for kind in KINDS)
    for found, text, link in (
        (of_comments, "commented on “Of whales”", "/api/articles/of-whales"),
        (of_followers, "follows you", None),
    ):
        assert [(one["actor"], one["text"], one["link"]) for one in found] == [("bea", text, link), ("cat", text, link)]
    assert (await client.get(INBOX, auth=bea)).json()["items"] == []
    offered = [one["kind"] for one in (await client.get(f"{INBOX}/preferences", auth=ann)).json()["items"]]
    assert offered[-2:] == KINDS
