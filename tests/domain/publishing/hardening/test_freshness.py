"""Anonymous readers of two workers, while an article changes: nobody is shown what is older than the promise."""

import asyncio
import time
from collections.abc import Iterator

import aiohttp
import pytest

from tests.domain.publishing.hardening.people import Person
from tests.e2e.running import Running
from tests.e2e.serving import Quick, serving

READERS, VERSIONS = 12, 60
DRAFT = {"title": "Whales", "description": "d", "body": "0"}
PROMISE = 0.05  # seconds that an anonymous reader may be behind a commit


@pytest.fixture
def two_workers(lent_database_url: str) -> Iterator[Running]:
    """A server of two workers, each with its own memory."""
    with serving(lent_database_url, Quick, workers="2") as server:
        yield server


class Story:
    """An article whose text is the number of its version; when each was acknowledged, and with which ETag."""

    def __init__(self, server: Running) -> None:
        self.author = Person.join(server.origin)
        self.origin = server.origin
        self.path = ""
        self.acknowledged = [(time.monotonic(), "")]
        self.over = False

    async def write(self) -> None:
        """Publish it, and every next version."""
        async with aiohttp.ClientSession(self.origin, headers=self.author.headers) as http:
            async with http.post("/api/articles", json={"article": DRAFT}) as answer:
                self.path = answer.headers["Location"]
                self.acknowledged = [(time.monotonic(), answer.headers["ETag"])]
            for version in range(1, VERSIONS):
                async with http.put(self.path, json={"article": {"body": str(version)}}) as answer:
                    assert answer.status == 200
                    self.acknowledged.append((time.monotonic(), answer.headers["ETag"]))
        self.over = True

    async def read(self) -> int:
        """Read it again and again, over a connection of one's own, which is one worker's; how often."""
        count = 0
        async with aiohttp.ClientSession(self.origin) as http:
            while not self.over:
                if not self.path:
                    await asyncio.sleep(0)
                    continue
                asked = time.monotonic()
                least = sum(moment <= asked - PROMISE for moment, _ in self.acknowledged) - 1
                async with http.get(self.path) as answer:
                    assert int((await answer.json())["article"]["body"]) >= least
                least, etag = len(self.acknowledged) - 1, self.acknowledged[-1][1]
                async with http.get(self.path, headers={"If-None-Match": etag}) as answer:
                    if answer.status != 304:
                        assert int((await answer.json())["article"]["body"]) >= least
                count += 2
        return count


async def test_nobody_is_shown_what_is_older_than_the_promise(two_workers: Running):
    story = Story(two_workers)
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(story.read()) for _ in range(READERS)]
        group.create_task(story.write())
    assert sum(reader.result() for reader in readers) > VERSIONS
