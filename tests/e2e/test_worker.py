"""A worker as an operator sees it: it moves what servers publish, shows that it lives, and ends in order."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.running import Running, until

PERSON = {"user": {"username": "ann", "email": "ann@example.com", "password": "a long password"}}


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def in_the_log(url: str) -> list[str]:
    async def fetch() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            return [row[0] for row in await connection.fetch("SELECT name FROM platform_event ORDER BY position")]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_what_a_server_publishes_is_moved_by_whichever_worker_lives(server: Running, lent_database_url: str, tmp_path):
    settings = {"database_url": lent_database_url, "environment": "development"}
    token = server.post("/api/users", PERSON).json()["user"]["token"]

    def publish(title: str) -> None:
        article = {"article": {"title": title, "description": "d", "body": "b"}}
        assert server.post("/api/articles", article, Authorization=f"Token {token}").status_code == 201

    with Running("worker", **settings) as first, Running("worker", **settings) as second:
        until(lambda: "working" in first.said and "working" in second.said, "both work")
        publish("One")
        until(lambda: in_the_log(lent_database_url) == ["publishing.article_published"], "it is in the log")
        first.process.kill()
        publish("Two")
        until(lambda: len(in_the_log(lent_database_url)) == 2, "the other one goes on")
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
