"""What accounts leaves to a worker."""

from datetime import UTC, datetime

from app.domain.accounts.jobs import clear_invitations, clear_sessions

EXPIRE = "UPDATE accounts_token SET expires_at = now() - interval '1 day' WHERE user_id = $1"


async def test_tokens_that_are_no_good_any_more_are_cleared_each_night(database, do, aside, sign_in):
    gone, kept = await sign_in(), await sign_in()
    await (await aside.connection()).execute(EXPIRE, gone.id)
    await do(clear_sessions)
    assert [row[0] for row in await database.reader().fetch("SELECT user_id FROM accounts_token", ())] == [kept.id]
    assert clear_sessions.treatment.schedule == "37 3 * * *"


INVITE = """
INSERT INTO accounts_invitation (email, digest, expires_at, accepted_at)
VALUES ($1, sha256(convert_to($1, 'UTF8')), now() - make_interval(days => $2), $3)
"""


async def test_invitations_that_nobody_came_by_are_cleared_a_month_after_they_expired(do, aside):
    connection, long_ago = await aside.connection(), datetime(2020, 1, 1, tzinfo=UTC)
    for email, days, accepted in (("old", 31, None), ("expired", 29, None), ("open", -1, None), ("in", 31, long_ago)):
        await connection.execute(INVITE, email, days, accepted)
    await do(clear_invitations)
    left = await connection.fetch("SELECT email FROM accounts_invitation ORDER BY email")
    assert [row[0] for row in left] == ["expired", "in", "open"]
    assert clear_invitations.treatment.schedule == "27 3 * * *"
