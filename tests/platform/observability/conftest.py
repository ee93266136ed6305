"""A log that is read back: what the process writes, line by line."""

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from app.platform.observability import logging as house_logging
from app.platform.observability.lines import Lines
from app.platform.observability.logging import configure_logging


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The application's log, at its real configuration, into a pipe; call it for the lines written so far."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    monkeypatch.setattr(house_logging, "STDOUT", Lines(writing))
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in house_logging.TALKATIVE}
    kept = root.handlers[:], root.level, warnings.showwarning, structlog.get_config()
    configure_logging("info")
    text = bytearray()

    def read() -> list[dict[str, Any]]:
        while True:
            try:
                text.extend(os.read(reading, 1 << 20))
            except BlockingIOError:
                return [json.loads(line) for line in text.decode().splitlines()]

    yield read
    root.handlers[:], root.level = kept[:2]
    logging.captureWarnings(capture=False)
    warnings.showwarning = kept[2]
    structlog.configure(**kept[3])
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    os.close(reading)
    os.close(writing)
