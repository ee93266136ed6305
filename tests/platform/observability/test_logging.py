"""One JSON line for whatever is logged, whoever logs it."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import structlog

from app.platform.observability import logging as house_logging
from app.platform.observability.identity import IDS, Ids
from app.platform.observability.logging import LineHandler, configure_logging, flush_log

ROOT = Path(__file__).resolve().parents[3]
CANARY = "canary-1618"
log = structlog.get_logger()


class Teapot:
    def __repr__(self):
        return "a teapot"


class Title(str):
    __slots__ = ()


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


def test_an_event_is_a_line_of_its_moment_level_and_values(logged):
    before = datetime.now(UTC)
    log.info("article published", slug="of-whales", tags=["sea"])

    [line] = logged()
    assert list(line) == ["timestamp", "level", "event", "slug", "tags"]
    assert before <= datetime.fromisoformat(line.pop("timestamp")) <= datetime.now(UTC)
    assert line == {"level": "info", "event": "article published", "slug": "of-whales", "tags": ["sea"]}


def test_lines_below_the_level_are_left_out(logged):
    log.debug("too fine")
    logging.getLogger("asyncio").debug("too fine")
    log.warning("coarse")

    assert [line["level"] for line in logged()] == ["warning"]


def test_unknown_level_is_refused():
    with pytest.raises(ValueError, match="loud"):
        configure_logging("loud")


def test_ids_and_bound_values_are_in_the_line(logged):
    token = IDS.set(Ids("r-1", "c-1"))
    with structlog.contextvars.bound_contextvars(job="sweep"):
        log.info("bound")
        logging.getLogger("asyncpg").warning("bound")
    IDS.reset(token)
    log.info("free")

    lines = logged()
    for line in lines[:2]:
        assert (line["request_id"], line["correlation_id"], line["job"]) == ("r-1", "c-1", "sweep")
    assert not {"request_id", "correlation_id", "job"} & lines[2].keys()


def test_exception_is_one_string_said_once(logged):
    try:
        int("x")
    except ValueError:
        log.exception("failed")
        logging.getLogger("asyncio").exception("failed")

    for line in logged():
        assert line["exception"].startswith("Traceback")
        assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'x'")
        assert json.dumps(line).count("Traceback") == 1


def test_standard_library_speaks_json(logged):
    logging.getLogger("asyncpg.pool").warning("lost %s of %d", "one", 2)

    [line] = logged()
    assert (line["level"], line["event"], line["logger"]) == ("warning", "lost one of 2", "asyncpg.pool")


def test_named_logger_is_named_in_the_line(logged):
    structlog.get_logger("app.platform.jobs").info("named")

    assert logged()[0]["logger"] == "app.platform.jobs"


def test_record_is_not_changed(logged):
    record = logging.LogRecord("asyncio", logging.ERROR, __file__, 1, "%s", ("x",), (ValueError, ValueError("y"), None))
    before = dict(record.__dict__)

    LineHandler().handle(record)

    assert record.__dict__ == before
    assert len(logged()) == 1


def test_arguments_that_do_not_fit_are_said_anyway(logged, capsys):
    LineHandler().handle(logging.makeLogRecord({"name": "foreign", "msg": "%d of %d", "args": ("one",)}))

    assert logged()[0]["event"] == "%d of %d ('one',)"
    assert capsys.readouterr().err == ""


def test_record_that_cannot_be_said_does_not_stop_who_logs_it(logged, capsys):
    LineHandler().handle(logging.makeLogRecord({"msg": Unspeakable()}))

    assert logged() == []
    assert "RuntimeError" in capsys.readouterr().err


def test_flush_writes_what_waits(logged):
    house_logging.STDOUT.write(b'{"event":"waited"}\n')
    assert logged() == []

    flush_log()
    assert logged() == [{"event": "waited"}]


def test_warnings_are_lines(logged):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)  # on since a test before, it would stay with what that one had put in its place
        configure_logging("info")
        warnings.warn("old way", DeprecationWarning, stacklevel=1)

    assert "DeprecationWarning: old way" in logged()[0]["event"]


def test_exception_of_a_callback_is_a_line(logged):
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    asyncio.run(main())

    [line] = logged()
    assert (line["logger"], line["level"]) == ("asyncio", "error")
    assert "ZeroDivisionError" in line["exception"]


@pytest.mark.parametrize("name", ["httpx", "sqlalchemy.engine", "sqlalchemy.pool"])
def test_what_tells_parameters_at_info_is_quiet(logged, name):
    logging.getLogger(name).info("INSERT … [%s]", CANARY)

    assert logged() == []


def test_configured_twice_every_line_comes_once(logged):
    configure_logging("info")
    configure_logging("info")
    logging.getLogger("asyncpg").error("once")

    assert len(logged()) == 1
    assert sum(isinstance(handler, LineHandler) for handler in logging.getLogger().handlers) == 1


def test_granians_own_handlers_give_way(logged):
    theirs = logging.getLogger("_granian")
    stream = io.StringIO()
    theirs.addHandler(logging.StreamHandler(stream))
    theirs.propagate = False

    configure_logging("info")
    theirs.warning("a worker is gone")

    assert stream.getvalue() == ""
    assert [line["event"] for line in logged()] == ["a worker is gone"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (Decimal("1.50"), "1.50"),
        ({3: {"a"}}, {"3": ["a"]}),
        (Teapot(), "a teapot"),
        (Unspeakable(), "<Unspeakable>"),
        (b"\xff", "\\xff"),
        ("\udcff", "'\\udcff'"),
        (1 << 70, 1 << 70),
        (float("nan"), None),
        (Title("Moby"), "Moby"),
        (memoryview(b"ab"), "ab"),
    ],
    ids=[
        "uuid",
        "datetime",
        "decimal",
        "mapping",
        "object",
        "broken repr",
        "bytes",
        "surrogate",
        "beyond 64 bits",
        "nan",
        "text of a kind",
        "view",
    ],
)
def test_any_value_can_be_logged(logged, value, shown):
    log.info("seen", value=value)

    assert logged()[0]["value"] == shown


def test_value_that_contains_itself_ends(logged):
    knot: list[object] = []
    knot.append(knot)
    log.info("knot", value=knot)

    assert "…" in json.dumps(logged()[0]["value"], ensure_ascii=False)


def test_secrets_in_any_form_are_in_no_line(logged):
    log.info("signed in", password=CANARY, headers={"Authorization": CANARY, "cookie": CANARY}, body=CANARY)
    address = f"postgresql://app:{CANARY}@db/app"
    log.info(address, database_url=address)
    logging.getLogger("foreign").warning("request with Authorization: Bearer %s", CANARY)
    with structlog.contextvars.bound_contextvars(access_token=CANARY):
        log.info("bound")
    try:
        int(f"password={CANARY}")
    except ValueError:
        log.exception("refused", error=f"token={CANARY}")

    lines = logged()
    assert len(lines) == 5
    assert CANARY not in json.dumps(lines)
    assert "postgresql://app:***@db/app" in lines[1]["event"]


def test_threads_do_not_mix_their_lines(logged):
    def speak(name: int) -> None:
        for count in range(20):
            log.info("said", name=name, count=count)

    threads = [threading.Thread(target=speak, args=[name]) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(line["name"], line["count"]) for line in logged()} == {(a, b) for a in range(8) for b in range(20)}


PROGRAM = """
import logging, os, structlog
from app.platform.observability.logging import GRANIAN_LOGGING, configure_logging
from granian.log import LogLevels, configure_logging as granian_configures

granian_configures(LogLevels.info, GRANIAN_LOGGING)
logging.getLogger("_granian").info("before the application")
configure_logging("info")
structlog.get_logger().info("here")
logging.getLogger("_granian").info("there")
if os.fork() == 0:
    structlog.get_logger().info("below")
    os._exit(0)
os.wait()
"""


def test_process_and_its_fork_write_json_to_standard_output():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, check=True)

    lines = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert lines == ["before the application", "here", "there", "below"]
    assert b"there" not in done.stderr
