"""Logging, configured once: what structlog or the standard library is told becomes one JSON line on standard output."""

import logging
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, cast

import msgspec
import structlog

from app.platform.observability.censor import censored_pair
from app.platform.observability.identity import IDS
from app.platform.observability.lines import STDOUT

# They log addresses with their queries, and statements with their parameters, at INFO.
TALKATIVE = ("httpx", "httpcore", "sqlalchemy", "aiohttp.access")

# To be given to granian, whose own configuration runs before the application's in each worker.
GRANIAN_LOGGING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {"lines": {"class": "app.platform.observability.logging.LineHandler"}},
    "loggers": {"_granian": {"handlers": ["lines"], "level": "INFO", "propagate": False}},
}


def configure_logging(level: str) -> None:
    """JSON lines from `level` (debug, info, warning, error, critical) upwards; may be called again.

    ValueError: there is no such level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"no such log level: {level}")
    structlog.configure(
        processors=[*_PROCESSORS, _named, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", STDOUT)),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(number)


def flush_log() -> None:
    """Write the lines that still wait. A forked worker runs no atexit handlers, so the last lifespan calls this."""
    STDOUT.flush()


def _route_standard_library(level: int) -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, LineHandler)]:
        root.removeHandler(handler)
    root.addHandler(LineHandler())
    root.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in ("_granian", "granian.access"):
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
    logging.captureWarnings(capture=True)


class LineHandler(logging.Handler):
    """The standard library's records as the same lines. It only reads a record: another handler may follow."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line for the record."""
        try:
            level = record.levelname.lower()
            event: Any = {"event": _message(record), "logger": record.name, "exc_info": record.exc_info}
            for process in _PROCESSORS:
                event = process(None, level, event)
            STDOUT.write(render(None, level, event) + b"\n")
            STDOUT.flush()
        except Exception:  # noqa: BLE001  # the standard library's contract: a handler reports its own failure
            self.handleError(record)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # the arguments do not fit the format: say what there is
        return f"{record.msg} {record.args!r}"


def _with_ids(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    ids = IDS.get()
    if ids is not None:
        event.setdefault("request_id", ids.request)
        if ids.correlation != ids.request:
            event.setdefault("correlation_id", ids.correlation)
    return event


def _named(logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The name given to `structlog.get_logger(name)`, where one was given."""
    name = getattr(logger, "name", None)
    if name:
        event["logger"] = name
    return event


_PROCESSORS: list[Callable[[Any, str, Any], Any]] = [
    structlog.contextvars.merge_contextvars,
    _with_ids,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]

_encode = msgspec.json.Encoder(enc_hook=repr).encode


def render(_logger: Any, method: str, event: MutableMapping[str, Any]) -> bytes:
    """The event as one JSON object, without its secrets and without a newline; time, level and event come first."""
    said = str(event.pop("event", ""))
    line = {
        "timestamp": datetime.now(UTC),
        "level": _LEVELS.get(method, method),
        "event": censored_pair("event", said),
        **{key: censored_pair(key, value) for key, value in event.items()},
    }
    try:
        return _encode(line)
    except UnicodeEncodeError:  # a lone surrogate, as in a file name that is no UTF-8
        return _encode({key: ascii(value) for key, value in line.items()})


_LEVELS = {"warn": "warning", "exception": "error", "fatal": "critical", "msg": "info"}
