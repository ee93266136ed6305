"""Asking one upstream: so many at once, each within its time, again where that may help, and not while it is broken."""

import asyncio
import random
from collections.abc import Callable, Mapping
from importlib import import_module
from time import monotonic, perf_counter
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog

from app.kit.errors import Busy
from app.platform.http.answers import Answer, Unanswered, UpstreamFailed, decoded
from app.platform.http.breaker import Breaker
from app.platform.http.figures import DURATIONS, REQUESTS
from app.platform.http.session import Question, Session
from app.platform.http.upstream import Upstream

log = structlog.get_logger()

T = TypeVar("T")

TRY_AGAIN = 30  # seconds, where the server does not say when
LONGEST_AWAY = 3600  # seconds that our own clients are told to wait, whatever it says
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
PASSING = frozenset({429, 502, 503, 504})


class Client:
    """One of an upstream, in each process. The log tells hosts alone: paths, forms and headers may hold secrets."""

    def __init__(self, upstream: Upstream, *, inwards: bool) -> None:
        """`inwards`: whether addresses that are not public are asked, and without TLS."""
        self.upstream = upstream
        self.inwards = inwards
        self._session = Session(upstream, inwards=inwards)
        self._places = asyncio.Semaphore(upstream.in_flight)
        self._caller: Any = None
        self._breaker = Breaker(upstream.name, upstream.breaks_after, upstream.mends_after)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        is_repeatable: bool | None = None,
    ) -> Answer:
        """What the server at this address answers: a status below 500 that leads nowhere else, and all of its body.

        It is asked again where that may help, if the method is idempotent or this is said to be repeatable. Raises Busy
        where it cannot be reached, is too slow, says that it cannot now or is left alone; UpstreamFailed for a redirect
        and for an answer that is too large.
        """
        question = Question(method, url, headers or {}, form, body)
        again = method in IDEMPOTENT if is_repeatable is None else is_repeatable
        try:
            answer = await (self._repeated(question) if again else self._attempt(question))
        except Unanswered as error:
            host, after = _host(url), round(min(error.retry_after or TRY_AGAIN, LONGEST_AWAY))
            log.warning("a server could not be asked", host=host, reason=error.reason)
            raise Busy(f"{host} cannot be reached, or cannot answer now", retry_after=after) from error
        return _usable(answer, _host(url))

    async def ask_for(self, kind: type[T], method: str, url: str, **given: Any) -> T:
        """The same as a struct, of what was answered with 2xx; `given` as for `ask`. Raises UpstreamFailed besides."""
        answer = await self.ask(method, url, **given)
        if not 200 <= answer.status < 300:
            log.warning("a server refused", host=_host(url), status=answer.status)
            raise UpstreamFailed(detail=f"{_host(url)} answered with {answer.status}")
        return await decoded(answer, kind, _host(url))

    async def _repeated(self, question: Question) -> Answer:
        patience = self.upstream.patience
        if self._caller is None:
            self._caller = await asyncio.to_thread(_caller, self.upstream)
        try:
            async with asyncio.timeout(patience):
                return await self._caller.on(_pause_until(monotonic() + patience))(self._attempt, question)
        except TimeoutError as error:
            raise Unanswered(f"none of the tries succeeded within {patience:g} s") from error

    async def _attempt(self, question: Question) -> Answer:
        try:
            with self._breaker.guard():
                return _answered(await self.send(question))
        except Unanswered as error:
            error.host = _host(question.url)
            raise
        except Busy:
            REQUESTS.labels(self.upstream.name, "refused").inc()
            raise

    async def send(self, question: Question, *, keep: int | None = None) -> Answer:
        """Ask once, whatever the answer is, and keep so many bytes of it. Raises Unanswered where there is none."""
        if not (self.inwards or question.url.startswith("https://")):
            raise Unanswered("only https addresses are asked", is_passing=False, is_failure=False)
        begun, outcome = perf_counter(), "unreachable"
        try:
            async with asyncio.timeout(self.upstream.total):
                async with self._places:
                    answer = await self._session.exchange(question, self.upstream.largest if keep is None else keep)
        except TimeoutError as error:
            outcome = "timeout"
            raise Unanswered("no answer in time") from error
        else:
            outcome = f"{answer.status // 100}xx"
            return answer
        finally:
            REQUESTS.labels(self.upstream.name, outcome).inc()
            DURATIONS.labels(self.upstream.name).observe(perf_counter() - begun)

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()


def _caller(upstream: Upstream) -> Any:
    """What repeats a call, by a library that takes a while to import; it tells us, and nobody else, when it does."""
    import_module("stamina.instrumentation").set_on_retry_hooks([_told])
    return import_module("stamina").AsyncRetryingCaller(
        attempts=upstream.tries,
        timeout=upstream.patience,
        wait_initial=upstream.first_pause,
        wait_jitter=upstream.first_pause,
        wait_max=upstream.longest_pause,
    )


def _told(details: Any) -> None:
    error: Unanswered = details.caused_by
    told = {"host": error.host, "reason": error.reason, "tries": details.retry_num, "seconds": details.wait_for}
    log.warning("a server is asked again", **told)


def _pause_until(deadline: float) -> Callable[[Exception], bool | float]:
    """Whether to try again, and where the server says when: the seconds until then, if that is before the deadline."""

    def pause(error: Exception) -> bool | float:
        if not (isinstance(error, Unanswered) and error.is_passing):
            return False
        if error.retry_after is None:
            return True
        after = error.retry_after + random.uniform(0, 1)  # noqa: S311 - no secret
        return after if monotonic() + after < deadline else False

    return pause


def _answered(answer: Answer) -> Answer:
    if answer.status == 429 or answer.status >= 500:
        raise Unanswered(
            f"it answered with {answer.status}",
            retry_after=answer.retry_after,
            is_passing=answer.status in PASSING,
            is_failure=answer.status >= 500,
        )
    return answer


def _usable(answer: Answer, host: str) -> Answer:
    if 300 <= answer.status < 400:
        log.warning("a server led elsewhere", host=host, status=answer.status)
        raise UpstreamFailed(detail=f"{host} led elsewhere")
    if answer.is_cut:
        log.warning("a server said too much", host=host)
        raise UpstreamFailed(detail=f"{host} gave an answer that is too large")
    return answer


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
