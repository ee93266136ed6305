"""What is asked of all alike, and what Litehouse promises to spend on it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.database import POSTED, Subject
from tests.benchmarks.load import Request


@dataclass(frozen=True)
class Promise:
    """At most so many times the CPU of the floor, and at most the so-manieth part of that of the peers."""

    floor: float
    django_drf: float
    fastapi_orm: float


@dataclass(frozen=True)
class Workload:
    """One kind of request. `like`: the workload at which the others do the same without a cache."""

    name: str
    title: str
    promise: Promise | None = None
    like: str | None = None

    @property
    def beside(self) -> str:
        """The workload that it is compared with at the others."""
        return self.like or self.name


ARTICLE, LIST, CACHED = Promise(2.0, 14, 7), Promise(1.4, 18, 11), Promise(0.5, 60, 30)
WORKLOADS = (
    Workload("hello", "hello"),
    Workload("article", "one article", ARTICLE),
    Workload("article_signed_in", "one article, signed in", ARTICLE),
    Workload("list", "list of 20 with the total", LIST),
    Workload("list_signed_in", "list of 20, signed in"),
    Workload("feed", "feed of 50 followed authors", Promise(1.8, 15, 10)),
    Workload("comment", "post a comment", Promise(2.7, 6, 5)),
    Workload("favorite", "favourite, and take it back"),
    Workload("user", "current user by token", Promise(1.8, 6.5, 5.5)),
    Workload("openapi", "OpenAPI document"),
    Workload("long_list", "list of 100"),
    Workload("article_cached", "one article, cached", CACHED, like="article"),
    Workload("list_cached", "list of 20, cached", CACHED, like="list"),
)
TOTAL_OF_LIST = 6.0  # the list's app and PostgreSQL together: at most this part of what it costs with DRF


def requests(subject: Subject) -> dict[str, Sequence[Request]]:
    """What is sent, by the workload's name; of several, one after the other."""
    token, article = subject.token, f"/api/articles/{subject.slug}"
    comment = json.dumps({"comment": {"body": POSTED}})
    sent: dict[str, Sequence[Request]] = {
        "hello": [Request("GET", "/health")],
        "article": [Request("GET", article)],
        "article_signed_in": [Request("GET", article, token)],
        "list": [Request("GET", "/api/articles?limit=20")],
        "list_signed_in": [Request("GET", "/api/articles?limit=20", token)],
        "feed": [Request("GET", "/api/articles/feed?limit=20", token)],
        "comment": [Request("POST", f"{article}/comments", token, comment)],
        "favorite": _favorites(subject),
        "user": [Request("GET", "/api/user", token)],
        "openapi": [Request("GET", "/openapi.json")],
        "long_list": [Request("GET", "/api/articles?limit=100")],
    }
    return sent | {workload.name: sent[workload.like] for workload in WORKLOADS if workload.like}


def _favorites(subject: Subject) -> Sequence[Request]:
    """Each article becomes a favourite and is one no more, long enough afterwards that no two requests meet."""
    paths = [f"/api/articles/{slug}/favorite" for slug in subject.slugs]
    half = len(paths) // 2
    return [
        Request(method, path, subject.token)
        for favored, unfavored in zip(paths, paths[half:] + paths[:half], strict=True)
        for method, path in (("POST", favored), ("DELETE", unfavored))
    ]
