"""The rounds of an endpoint: a job sends what is due to it, so that one which hangs takes one place of a worker's.

Of `deliver` one runs and one waits for each endpoint, whatever the number of its messages. At the end of a round it is
known when the next one is due, and `resume` begins it then: if it were `deliver` that waits for so long, it would stand
for the one that is to send what happens meanwhile.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog

from app.domain.webhooks import messages
from app.domain.webhooks.events import EndpointDisabled
from app.domain.webhooks.sending import WEBHOOKS, Outcome, round_of
from app.platform.database.work import UnitOfWork
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork
from app.platform.mail.letters import Letters
from app.platform.sealing import SealedColumn, Sealing

log = structlog.get_logger()

SECRETS = SealedColumn("webhooks_secret", "id", "secret")
LETTERS = Letters(Path(__file__).with_name("letters"))
BATCH = 20  # messages in a round
FIRST_REST, LONGEST_REST = 5.0, 300.0  # seconds between the rounds of an endpoint that is not well: each twice as long
IS_GONE = "it said that it is gone (410)"
IS_FAILING = "it did not take a message for three days"


async def waken(work: UnitOfWork, endpoints: Iterable[UUID]) -> None:
    """Have what is due sent to them, once this is committed: one statement, however many they are."""
    await work.enqueue_all([deliver(endpoint=endpoint) for endpoint in endpoints])


@job(queue="low", tries=20, timeout=60, longest_pause=LONGEST_REST, unique=("endpoint",))
async def deliver(work: JobWork, endpoint: UUID) -> None:
    """Send what is due to an endpoint, some of it; the requests are over before the transaction begins."""
    target = await messages.target_of(work.aside, endpoint)
    outcomes: list[Outcome] = []
    if target and (waiting := await messages.due_at(work.aside, endpoint, BATCH)):
        secrets = await opened(work.resources.sealing, target.secrets)
        outcomes = await round_of(work.resources.outbound.to(WEBHOOKS), target.url, secrets, waiting)
    known = await messages.locked(work, endpoint)
    if known is None:
        return
    if target and outcomes:
        await _note(work, endpoint, target, known, outcomes)
    due = await messages.next_at(work, endpoint)
    if due is not None:
        await work.enqueue(resume(endpoint=endpoint, at=due), due=due)


@job(queue="low", tries=20, longest_pause=LONGEST_REST, unique=("endpoint", "at"))
async def resume(work: JobWork, endpoint: UUID, at: datetime) -> None:  # noqa: ARG001 - tells one from the others
    """Begin the endpoint's next round."""
    await messages.touch(work, endpoint)
    await waken(work, [endpoint])


async def opened(sealing: Sealing, secrets: dict[UUID, bytes]) -> list[bytes]:
    """The secrets, in their order. Raises SealBroken, Busy."""
    seal = await sealing.seal()
    return [seal.open(sealed, SECRETS.place(row)) for row, sealed in secrets.items()]


async def _note(
    work: JobWork, endpoint: UUID, target: messages.Target, known: messages.Known, outcomes: Sequence[Outcome]
) -> None:
    """Write down what became of a round. Of an address that was replaced meanwhile, refusals say nothing."""
    if is_moved := known.url != target.url:
        outcomes = [one for one in outcomes if one.verdict == "delivered"]
    await messages.note(work, endpoint, target.url, [one.noted for one in outcomes])
    if not is_moved and known.disabled_at is None:
        await _judge(work, endpoint, known, outcomes)


async def _judge(work: JobWork, endpoint: UUID, known: messages.Known, outcomes: Sequence[Outcome]) -> None:
    """Let it rest where it took nothing and is not well, and disable it where it is gone or has failed for long.

    It rests for as long as it asks for: whoever says `Retry-After` means all messages, not the one that was refused.
    """
    failures, succeeded_at = known.failures, known.succeeded_at
    verdicts = {one.verdict for one in outcomes}
    if "delivered" in verdicts:
        succeeded_at = max(one.noted.at for one in outcomes if one.verdict == "delivered")
    is_unwell = "unwell" in verdicts and "delivered" not in verdicts
    failures = min(failures + 1, 1_000) if is_unwell else 0
    rest = None
    if is_unwell:
        rest = min(FIRST_REST * 2.0 ** min(failures - 1, 20), LONGEST_REST) * random.uniform(0.8, 1.2)  # noqa: S311
        rest = max(rest, *(one.asked for one in outcomes))
    reason = _reason(outcomes, succeeded_at)
    url, email = await messages.fares(work, endpoint, failures, rest, succeeded_at, reason)
    if reason is not None:
        log.warning("a webhook is disabled", endpoint=str(endpoint), reason=reason)
        work.publish(EndpointDisabled(endpoint, reason))
        if email is not None:
            await work.resources.mailer.send(work, LETTERS.write("disabled", email, url=url, reason=reason))


def _reason(outcomes: Sequence[Outcome], succeeded_at: datetime | None) -> str | None:
    """One that has taken others meanwhile is not disabled for the one message that it never takes."""
    if any(one.verdict == "gone" for one in outcomes):
        return IS_GONE
    given_up = [one.first_at for one in outcomes if one.verdict == "given up"]
    return IS_FAILING if any(succeeded_at is None or succeeded_at < at for at in given_up) else None
