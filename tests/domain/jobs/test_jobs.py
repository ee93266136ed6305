"""Who asked for a job sees how far it is, and may have it not done; who manages jobs may so with all."""

from collections.abc import Callable
from typing import get_args
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from app.domain.jobs.policies import MANAGE_JOBS
from app.domain.jobs.schemas import Queue, State
from app.kit.identity import Viewer
from app.platform import module
from app.platform.database.pools import Database
from app.platform.jobs.declaration import QUEUES, Job, job
from app.platform.jobs.table import STATES
from tests.conftest import SignedIn

JOBS = "/api/v1/jobs"
GIVE_UP = """
UPDATE platform_job SET state = 'dead', attempts = 5, ended_at = now(), error = E'Traceback\\n  line\\nOSError: no\\n'
WHERE id = $1
"""


@job(queue="low", unique=("month",))
async def export(work, month: int) -> str:
    return f"export:{month}"


@job()
async def tell_of_theft(work, month: int) -> None: ...


@pytest.fixture
def offered(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in whose name users ask for the one, and not for the other."""
    ours = module.Module(name="jobs", summary="", jobs=[export, tell_of_theft], on_request=[export])
    monkeypatch.setattr(app.state, "modules", [*app.state.modules, ours])


@pytest.fixture
def enqueue(database: Database, offered: None):
    """Enqueue a job for somebody; its id."""

    async def enqueue(user: SignedIn | None, month: int = 1, what: Job = export) -> str:
        work = database.unit_of_work(Viewer(user.id if user else None))
        return str(await work.run(lambda: work.enqueue(what(month=month))))

    return enqueue


@pytest.fixture
def give_up(database: Database):
    """Have a job given up."""

    async def give_up(one: str) -> None:
        work = database.unit_of_work()
        await work.run(lambda: work.fetch(GIVE_UP, (UUID(one),)))

    return give_up


@pytest.fixture
async def manager(client: httpx.AsyncClient, sign_in: Callable) -> SignedIn:
    """Somebody who manages jobs, and is nothing more."""
    root, manager = await sign_in(is_superuser=True), await sign_in("manager")
    path = f"/api/v1/accounts/holders/{manager.id}/permissions/{MANAGE_JOBS.name}"
    assert (await client.put(path, auth=root)).status_code == 204
    return manager


async def test_who_asked_for_a_job_sees_how_far_it_is(client, sign_in, enqueue, statements):
    ann = await sign_in("ann")
    one = await enqueue(ann)
    with statements(at_most=2):  # with that of the token
        answer = await client.get(f"{JOBS}/{one}", auth=ann)
    told = answer.json()
    assert answer.status_code == 200
    moments = {name: told[name] for name in ("createdAt", "dueAt")}
    assert all(moment.endswith("Z") for moment in moments.values())
    assert told == moments | {
        "id": one,
        "name": "jobs.export",
        "queue": "low",
        "state": "waiting",
        "startedAt": None,
        "endedAt": None,
        "attempts": 0,
        "tries": 5,
        "step": None,
        "total": None,
        "result": None,
        "error": None,
    }


async def test_what_others_asked_for_is_not_there(client, sign_in, enqueue):
    ann, bea = await sign_in("ann"), await sign_in("bea")
    for one in (await enqueue(ann, 1), await enqueue(None, 2), str(uuid4())):
        for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
            assert (await client.request(method, f"{JOBS}/{one}{path}", auth=bea)).status_code == 404
    assert (await client.get(JOBS, auth=bea)).json() == {"items": [], "next": None}


async def test_what_follows_from_what_one_did_is_not_one_s_own_to_cancel(client, sign_in, enqueue, manager):
    """Else who stole a session would cancel the mail that tells of it, and who annoys somebody what tells them so."""
    ann = await sign_in("ann")
    asked, follows = await enqueue(ann), await enqueue(ann, what=tell_of_theft)
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert (await client.request(method, f"{JOBS}/{follows}{path}", auth=ann)).status_code == 404
    for asks in ({}, {"state": "waiting"}, {"name": "jobs.export"}):
        assert [one["id"] for one in (await client.get(JOBS, params=asks, auth=ann)).json()["items"]] == [asked]
    assert (await client.get(JOBS, params={"name": "jobs.tell_of_theft"}, auth=ann)).json()["items"] == []
    assert (await client.post(f"{JOBS}/{follows}/cancel", auth=manager)).json()["state"] == "cancelled"


def test_on_request_is_done_what_the_module_does():
    with pytest.raises(ValueError, match=r"jobs\.export: what jobs does on request is among its jobs"):
        module.Module(name="jobs", summary="", jobs=[tell_of_theft], on_request=[export])


async def test_why_it_failed_is_told_to_those_who_manage_jobs(client, sign_in, enqueue, give_up, manager):
    ann = await sign_in("ann")
    one = await enqueue(ann)
    await give_up(one)
    assert (await client.get(f"{JOBS}/{one}", auth=ann)).json()["error"] is None
    assert (await client.get(JOBS, auth=ann)).json()["items"][0]["error"] is None
    assert (await client.get(f"{JOBS}/{one}", auth=manager)).json()["error"] == "OSError: no"
    assert (await client.get(JOBS, auth=manager)).json()["items"][0]["error"] == "OSError: no"


async def test_a_list_goes_on_where_it_ended_and_is_limited_to_what_is_asked(
    client, sign_in, enqueue, give_up, manager
):
    ann = await sign_in("ann")
    jobs = [await enqueue(ann, month) for month in range(1, 6)]
    await enqueue(None, 6)
    await give_up(jobs[2])
    first = (await client.get(JOBS, params={"limit": 3}, auth=ann)).json()
    second = (await client.get(JOBS, params={"limit": 3, "after": first["next"]}, auth=ann)).json()
    assert [one["id"] for one in first["items"] + second["items"]] == jobs[::-1]
    assert second["next"] is None
    for asked, count in (({}, 6), ({"state": "dead"}, 1), ({"name": "jobs.export"}, 6), ({"name": "jobs.import"}, 0)):
        assert len((await client.get(JOBS, params=asked, auth=manager)).json()["items"]) == count
    assert (await client.get(JOBS, params={"state": "asleep"}, auth=ann)).status_code == 422


async def test_a_job_is_cancelled_once(client, sign_in, enqueue, manager):
    ann = await sign_in("ann")
    for who, month in ((ann, 1), (manager, 2)):
        one = await enqueue(ann, month)
        assert (await client.post(f"{JOBS}/{one}/cancel", auth=who)).json()["state"] == "cancelled"
        refused = await client.post(f"{JOBS}/{one}/cancel", auth=who)
        assert refused.status_code == 409
        assert refused.json()["errors"] == {"state": ["is cancelled: it cannot be cancelled any more"]}


async def test_what_was_given_up_is_tried_anew(client, sign_in, enqueue, give_up):
    ann = await sign_in("ann")
    one = await enqueue(ann)
    refused = await client.post(f"{JOBS}/{one}/retry", auth=ann)
    assert (refused.status_code, refused.json()["errors"]) == (
        409,
        {"state": ["is waiting: what was given up alone is tried anew"]},
    )
    await give_up(one)
    told = (await client.post(f"{JOBS}/{one}/retry", auth=ann)).json()
    assert (told["state"], told["attempts"], told["endedAt"]) == ("waiting", 0, None)


async def test_what_another_stands_for_is_not_tried_anew(client, sign_in, enqueue, give_up):
    ann = await sign_in("ann")
    one = await enqueue(ann)
    await give_up(one)
    assert await enqueue(ann) != one
    refused = await client.post(f"{JOBS}/{one}/retry", auth=ann)
    assert (refused.status_code, list(refused.json()["errors"])) == (409, ["job"])


def test_the_api_knows_every_state_and_queue():
    assert get_args(State) == STATES
    assert get_args(Queue) == QUEUES
