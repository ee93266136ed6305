"""What comes of asking another server: an answer, or why there is none that can be used."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from app.kit.errors import AppError

log = structlog.get_logger()

T = TypeVar("T")

AT_ONCE = 20_000  # bytes that are read on the loop; more are read in a thread


class UpstreamFailed(AppError):
    """Another server, which had to be asked, gave an answer that cannot be used."""

    status = 502
    code = "upstream_failed"
    title = "Upstream failed"


class Unanswered(Exception):
    """No answer, or one that says that there is none now.

    `retry_after`: seconds, where it says when to come again. `is_passing`: another try may do. `is_failure`: the server
    is not well, which one that merely has enough of us is.
    """

    def __init__(
        self, reason: str, *, retry_after: float | None = None, is_passing: bool = True, is_failure: bool = True
    ) -> None:
        self.reason = reason
        self.host = ""  # of whom
        self.retry_after = retry_after
        self.is_passing = is_passing
        self.is_failure = is_failure
        super().__init__(reason)


class Answer(msgspec.Struct, frozen=True):
    """What a server said. Names of headers are in lower case; `is_cut`: the body was longer than what is kept of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False

    @property
    def retry_after(self) -> float | None:
        """In how many seconds to come again, where it says so: as a number, or as a moment (RFC 9110, 10.2.3)."""
        told = self.headers.get("retry-after", "").strip()
        if told.isascii() and told.isdecimal():
            return float(told) if len(told) < 9 else None
        try:
            moment = parsedate_to_datetime(told)
        except (ValueError, OverflowError):
            return None
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)  # of "-0000" nobody knows the zone
        return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


async def decoded(answer: Answer, kind: type[T], who: str) -> T:
    """The body, which is JSON, as this. Raises UpstreamFailed, of `who`, for what is none."""
    decode = partial(msgspec.json.decode, answer.body, type=kind)
    try:
        return decode() if len(answer.body) <= AT_ONCE else await asyncio.to_thread(decode)
    except (msgspec.DecodeError, RecursionError) as error:
        log.warning("an answer cannot be read", of=who, status=answer.status)
        raise UpstreamFailed(detail=f"{who}'s answer cannot be read") from error
