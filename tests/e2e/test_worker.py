"""A worker as an operator sees it: it moves what is published, shows that it lives, and ends in order."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.past import PUBLISH, fetch
from tests.e2e.running import Running, until

pytestmark = pytest.mark.usefixtures("own_folder")


def test_what_is_published_is_moved_by_whichever_worker_lives(lent_database_url: str, tmp_path: Path):
    settings = {"database_url": lent_database_url, "environment": "development"}

    def in_the_log() -> list[str]:
        return fetch(lent_database_url, "SELECT name FROM platform_event ORDER BY position")

    with Running("worker", **settings) as first, Running("worker", **settings) as second:
        until(lambda: "working" in first.said and "working" in second.said, "both work")
        fetch(lent_database_url, PUBLISH, "sea.ship_sailed")
        until(lambda: in_the_log() == ["sea.ship_sailed"], "it is in the log")
        first.process.kill()
        fetch(lent_database_url, PUBLISH, "sea.ship_sank")
        until(lambda: in_the_log() == ["sea.ship_sailed", "sea.ship_sank"], "the other one goes on")
        assert (tmp_path / f"litehouse-worker-{os.getuid()}").exists()
        second.process.send_signal(signal.SIGTERM)
        assert second.ended() == 0
        assert not (tmp_path / f"litehouse-worker-{os.getuid()}").exists()


def test_it_waits_for_a_database_that_is_away(lent_database_url: str):
    away = lent_database_url.replace("port=5432", "port=5433")
    with Running("worker", database_url=away, environment="development") as worker:
        until(lambda: "events wait" in worker.said, "it says that it waits")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.ended() == 0
