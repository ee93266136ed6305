"""Posting messages to an endpoint: several side by side, each signed anew, and what is to follow from each answer."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic, perf_counter
from typing import Literal

import msgspec

from app.domain.webhooks.messages import Due, Noted
from app.kit.signatures import signed
from app.platform.http.answers import Answer, Unanswered
from app.platform.http.client import Client
from app.platform.http.session import Question
from app.platform.http.upstream import Upstream
from app.platform.observability.censor import HIDDEN, is_secret, scrubbed

# Many servers, and each message is tried again for days, by a schedule of its own.
WEBHOOKS = Upstream(name="webhooks", total=15, connect=5, read=15, tries=1, breaks_after=None)
AT_ONCE = 5  # to one endpoint
BEGINS = 10.0  # seconds in which a round begins to send
KEPT = 10_000  # bytes of an answer
MOST_HEADERS, LONGEST_HEADER, LONGEST_ERROR = 40, 500, 1_000
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 36_000.0  # seconds between attempts: each pause is four times the one before
LATEST = timedelta(days=3)  # after the first attempt
LONGEST_WAIT = 86_400.0  # seconds that an endpoint can ask for
GONE = 410

Verdict = Literal["delivered", "refused", "unwell", "gone", "given up"]


class Outcome(msgspec.Struct, frozen=True):
    """An attempt: what is written down of it, what it says of the endpoint, and when the message was tried first.

    `asked`: for how many seconds the endpoint wants to be left alone, where it says so.
    """

    noted: Noted
    verdict: Verdict
    first_at: datetime
    asked: float = 0.0


async def round_of(client: Client, url: str, secrets: Sequence[bytes], messages: Sequence[Due]) -> list[Outcome]:
    """Post them, so many at once. Those that it comes not to within ten seconds are left for the next round."""
    waiting, outcomes, until = deque(messages), [], monotonic() + BEGINS

    async def work_off() -> None:
        while waiting and monotonic() < until:
            outcomes.append(await _posted(client, url, secrets, waiting.popleft()))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, len(waiting))):
            group.create_task(work_off())
    return outcomes


async def _posted(client: Client, url: str, secrets: Sequence[bytes], message: Due) -> Outcome:
    at, begun, body = datetime.now(UTC), perf_counter(), message.body.encode()
    headers = {"Content-Type": "application/json", **signed(secrets, str(message.event_id), int(at.timestamp()), body)}
    answer: Answer | None = None
    error = None
    try:
        answer = await client.send(Question("POST", url, headers, body=body), keep=KEPT)
    except Unanswered as unanswered:
        error = unanswered.reason[:LONGEST_ERROR]
    first_at, pause = message.first_at or at, pause_after(message.attempts + 1, answer)
    verdict = verdict_of(answer)
    if verdict in ("refused", "unwell") and at + timedelta(seconds=pause) > first_at + LATEST:
        verdict = "given up"
    # What was answered with 410 is kept: the endpoint is disabled for it, and has it once it is enabled again.
    state = {"delivered": "delivered", "given up": "failed"}.get(verdict, "pending")
    told = (answer.status, _headers(answer), _text(answer)) if answer else (None, None, None)
    milliseconds = round(1000 * (perf_counter() - begun))
    noted = Noted(message.id, state, pause, at, milliseconds, *told, error)
    return Outcome(noted, verdict, first_at, asked_by(answer))


def verdict_of(answer: Answer | None) -> Verdict:
    """What an answer, or none, says. One that leads elsewhere is a refusal: nobody follows it."""
    if answer is None or answer.status == 429 or answer.status >= 500:
        return "unwell"
    if 200 <= answer.status < 300:
        return "delivered"
    return "gone" if answer.status == GONE else "refused"


def pause_after(attempt: int, answer: Answer | None) -> float:
    """Seconds until the next one after the attempt of this number, the first being 1; not sooner than is asked for."""
    pause = min(FIRST_PAUSE * 4.0 ** min(attempt - 1, 20), LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
    return max(pause, asked_by(answer))


def asked_by(answer: Answer | None) -> float:
    """For how many seconds an endpoint that is not well wants to be left alone, a day at most; 0: it does not say."""
    asked = answer.retry_after if answer and verdict_of(answer) == "unwell" else None
    return min(asked or 0.0, LONGEST_WAIT)


def _headers(answer: Answer) -> str:
    some = list(answer.headers.items())[:MOST_HEADERS]
    told = {name: HIDDEN if is_secret(name) else _clean(value[:LONGEST_HEADER]) for name, value in some}
    return msgspec.json.encode(told).decode()


def _text(answer: Answer) -> str:
    return _clean(answer.body.decode(errors="replace"))


def _clean(text: str) -> str:
    """Without secrets, and without what PostgreSQL cannot store: NUL and lone surrogates."""
    return scrubbed(text).encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
