"""What a module says of a job is checked when it is said, and what is enqueued when it is enqueued."""

from uuid import UUID

import msgspec
import pytest

from app.platform.jobs.declaration import by_name, group, job

ANN = UUID(int=1)


@job(queue="high", tries=2, timeout=5, unique=("user",))
async def send_digest(work, user: UUID, days: int = 7) -> None: ...


def test_a_job_is_called_by_its_module_and_its_function():
    assert send_digest.name == "jobs.send_digest"  # of tests/platform/jobs
    treatment = send_digest.treatment
    assert (send_digest.queue, treatment.tries, treatment.timeout) == (1, 2, 5)


def test_arguments_come_back_as_what_they_were():
    call = send_digest(user=ANN, days=3)
    assert send_digest.bound(call.arguments) == {"user": ANN, "days": 3}
    assert send_digest.bound('{"user": "00000000-0000-0000-0000-000000000001"}')["days"] == 7


@pytest.mark.parametrize("given", [{}, {"user": "ann"}, {"user": ANN, "days": "3"}, {"user": ANN, "hours": 3}])
def test_arguments_of_other_types_are_refused_when_the_job_is_enqueued(given):
    with pytest.raises(TypeError, match=r"^jobs\.send_digest: "):
        send_digest(**given)


@pytest.mark.parametrize(
    "stored", ['{"user": 7}', '{"days": 3}', '{"user": "00000000-0000-0000-0000-000000000001", "x": 1}']
)
def test_what_was_stored_for_another_signature_is_refused(stored):
    with pytest.raises(msgspec.ValidationError):
        send_digest.bound(stored)


def test_one_stands_for_all_that_have_the_same_in_what_makes_it_unique():
    keys = {send_digest(user=ANN, days=days).unique_key for days in (1, 2)}
    assert len(keys) == 1
    assert send_digest(user=UUID(int=2)).unique_key not in keys


def test_a_row_beside_a_job_is_written_with_it_by_one_statement_or_refused():
    @job()
    async def rest(work) -> None: ...

    with pytest.raises(TypeError, match=r"^jobs\.send_digest is unique: where another stands for it"):
        send_digest(user=ANN).beside("INSERT", ())
    with pytest.raises(TypeError, match="with a row beside them cannot be in a group"):
        group([rest().beside("INSERT", ())], then=rest())


@pytest.mark.parametrize(
    ("treatment", "fault"),
    [
        ({"queue": "urgent"}, "queue must be one of critical, high, default, low, bulk"),
        ({"tries": 0}, "tries must be 1 to 1000"),
        ({"timeout": 0}, "timeout must be some seconds"),
        ({"longest_pause": 0}, "longest_pause must be some seconds"),
        ({"schedule": "0 25 * * *"}, "schedule must be five fields of cron, in UTC"),
        ({"schedule": "0 3 * * * *"}, "schedule must be five fields of cron, in UTC"),
        ({"schedule": "0 3 * * *"}, "on a schedule it has no arguments that must be given"),
        ({"unique": ("person",)}, "unique names what is no argument: person"),
    ],
    ids=["queue", "tries", "timeout", "pause", "hour", "seconds", "arguments", "unique"],
)
def test_a_treatment_that_cannot_be_is_refused_where_it_is_declared(treatment, fault):
    with pytest.raises(ValueError, match=rf"^jobs\.send_digest: {fault}$"):
        job(**treatment)(send_digest.handler)


def test_two_jobs_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"^two jobs are called jobs\.send_digest$"):
        by_name([send_digest, job()(send_digest.handler)])
