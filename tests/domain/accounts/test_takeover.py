"""A token that was ended a moment ago, and is still known to some worker, changes nothing any more."""

import asyncpg
import pytest


@pytest.mark.parametrize(
    "ending",
    ["DELETE FROM accounts_token", "UPDATE accounts_user SET is_active = false"],
    ids=["signed out elsewhere", "deactivated"],
)
async def test_an_ended_token_does_not_change_the_account(client, sign_in, database_url, ending):
    ann = await sign_in("ann")
    assert (await client.get("/api/v1/accounts/me", auth=ann)).status_code == 200  # known for a second from now
    elsewhere = await asyncpg.connect(database_url)
    await elsewhere.execute(ending)

    answer = await client.patch("/api/v1/accounts/me", json={"password": "taken over, alas"}, auth=ann)

    assert answer.status_code == 401
    assert await elsewhere.fetchval("SELECT password FROM accounts_user") == "!"
    await elsewhere.close()
