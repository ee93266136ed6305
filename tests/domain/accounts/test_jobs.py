"""What accounts leaves to a worker."""

from app.domain.accounts.jobs import clear_sessions
from app.kit.identity import Viewer
from app.platform.jobs.job_work import JobWork
from app.platform.resources import Resources

EXPIRE = "UPDATE accounts_token SET expires_at = now() - interval '1 day' WHERE user_id = $1"


async def test_tokens_that_are_no_good_any_more_are_cleared_each_night(database, settings, aside, sign_in):
    gone, kept = await sign_in(), await sign_in()
    await (await aside.connection()).execute(EXPIRE, gone.id)
    work = JobWork(database, Resources(settings), Viewer(), lambda *_: None)
    await work.run(lambda: clear_sessions.handler(work))
    assert [row[0] for row in await database.reader().fetch("SELECT user_id FROM accounts_token", ())] == [kept.id]
    assert clear_sessions.treatment.schedule == "37 3 * * *"
