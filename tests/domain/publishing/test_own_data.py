"""What publishing holds of a user: theirs to have, and gone with their account."""

from collections.abc import Callable

import httpx

from app.platform.database.pools import Database
from tests.domain.accounts.factories import PASSWORD_HASH

EXPORT = "/api/v1/accounts/me/export"


async def publish(client: httpx.AsyncClient, auth: httpx.Auth, title: str) -> str:
    draft = {"title": title, "description": "what", "body": "text", "tagList": ["sea", "whales"]}
    answer = await client.post("/api/articles", json={"article": draft}, auth=auth)
    return answer.raise_for_status().json()["article"]["slug"]


async def test_an_export_has_what_one_wrote_favours_and_follows_and_nothing_of_others(
    client: httpx.AsyncClient, sign_in: Callable
) -> None:
    ann, bea = await sign_in("ann"), await sign_in("bea")
    mine, hers = await publish(client, ann, "Mine"), await publish(client, bea, "Hers")
    for who, slug in ((ann, hers), (bea, mine)):
        words = {"comment": {"body": f"{who.username} was here"}}
        (await client.post(f"/api/articles/{slug}/comments", json=words, auth=who)).raise_for_status()
        (await client.post(f"/api/articles/{slug}/favorite", auth=who)).raise_for_status()
    (await client.post("/api/profiles/bea/follow", auth=ann)).raise_for_status()

    held = (await client.get(EXPORT, auth=ann)).raise_for_status().json()["modules"]["publishing"]

    [article], [comment] = held["articles"], held["comments"]
    assert (article["slug"], article["body"], article["tagList"]) == ("mine", "text", ["sea", "whales"])
    assert (comment["article"], comment["body"]) == ("hers", "ann was here")
    assert (held["favorites"], held["follows"]) == (["hers"], ["bea"])
    assert (await client.get(EXPORT, auth=bea)).json()["modules"]["publishing"]["follows"] == []


async def test_all_of_it_goes_with_the_account(
    client: httpx.AsyncClient, sign_in: Callable, database: Database
) -> None:
    ann, bea = await sign_in("ann"), await sign_in("bea")
    mine, hers = await publish(client, ann, "Mine"), await publish(client, bea, "Hers")
    (await client.post(f"/api/articles/{hers}/favorite", auth=ann)).raise_for_status()
    (await client.post(f"/api/articles/{mine}/comments", json={"comment": {"body": "x"}}, auth=bea)).raise_for_status()
    work = database.unit_of_work()
    await work.run(lambda: work.fetch("UPDATE accounts_user SET password = $1", (PASSWORD_HASH,)))

    answer = await client.post(
        "/api/v1/accounts/me/deletion", json={"password": "correct horse battery staple"}, auth=ann
    )

    assert answer.status_code == 204
    listed = (await client.get("/api/articles")).json()
    assert ([one["slug"] for one in listed["articles"]], listed["articlesCount"]) == (["hers"], 1)
    assert listed["articles"][0]["favoritesCount"] == 0
    assert (await client.get("/api/profiles/ann")).status_code == 404
