"""What follows from an entry: a job of two halves, which leaves a group of two more and one after them."""

import asyncio
from pathlib import Path
from uuid import UUID

from app.domain.ledger.effects import note
from app.platform.jobs.declaration import group, job
from app.platform.jobs.job_work import JobWork
from app.platform.mail.letters import Letters

LETTERS = Letters(Path(__file__).with_name("letters"))
TRIES = 1_000  # whoever is killed over and over has still not failed


@job(tries=TRIES, timeout=60)
async def book(work: JobWork, entry: UUID, seconds: float) -> None:
    """Between its halves there is time to be killed."""
    await note(work, entry, "booked")
    await asyncio.sleep(seconds)
    await note(work, entry, "balanced")
    await work.enqueue(group([check(entry=entry, number=number) for number in (1, 2)], then=close(entry=entry)))


@job(tries=TRIES)
async def check(work: JobWork, entry: UUID, number: int) -> None:
    """One of the group."""
    await note(work, entry, f"checked {number}")


@job(tries=TRIES)
async def close(work: JobWork, entry: UUID) -> None:
    """After all of the group, and somebody is told by mail."""
    await note(work, entry, "closed")
    await work.resources.mailer.send(work, LETTERS.write("closed", f"{entry}@example.com", entry=entry))
