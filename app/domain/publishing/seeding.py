"""Fills a database with people, articles and what readers do with them, by COPY: to look at, and to measure."""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from app.domain.accounts.models import User
from app.domain.publishing.models import Article, Comment, Favorite, Follow, Tagging
from app.domain.publishing.samples import Sample
from app.kit.slug import slug_of
from app.platform.database.work import UnitOfWork

NO_PASSWORD = "!"  # noqa: S105 - what no password hashes to: nobody signs in as them
LONGEST_EXCERPT = 2_000  # characters of an article's body in a large database
Advance = Callable[[int], None]
# The words of all articles are sorted into their index at once, and not by each half megabyte of them, which takes a
# third of the time that it takes to copy them. Whoever searches meanwhile goes through what is not sorted yet.
SORT_LATER = "ALTER INDEX ix_publishing_document_lexemes SET (gin_pending_list_limit = 65536)"  # kB
SORT_NOW = (
    "ALTER INDEX ix_publishing_document_lexemes SET (gin_pending_list_limit = 512)",
    "SELECT gin_clean_pending_list('ix_publishing_document_lexemes')",
)


@dataclass(frozen=True)
class Volumes:
    """How many rows of each kind."""

    users: int
    articles: int
    favorites: int
    comments: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.users + self.articles + self.favorites + self.comments


@dataclass(frozen=True)
class Written:
    """An article that is going to be copied, with the time of its making in its id."""

    id: UUID
    author: UUID
    sample: Sample
    slug: str
    at: datetime


class Seeder:
    """Copies rows table by table, so that each row's keys are there before it."""

    def __init__(self, work: UnitOfWork, advance: Advance) -> None:
        self.work = work
        self._advance = advance
        self._random = Random()  # noqa: S311 - variety, not secrecy

    async def people(self, names: Sequence[str]) -> dict[str, UUID]:
        """Users of these names, who cannot sign in; the ids by name."""
        now = datetime.now(UTC)
        ids = {name: self._key(now) for name in names}
        rows = [(id_, name, f"{id_.hex}@example.com", NO_PASSWORD) for name, id_ in ids.items()]
        await self._copy(User, ("id", "username", "email", "password"), rows)
        return ids

    async def articles(self, written: Sequence[Written], favorites: Sequence[tuple[UUID, UUID]]) -> None:
        """The articles with their tags, and the favourites among them, (user, article), counted."""
        counts = Counter(article for _, article in favorites)
        columns = (
            "id",
            "slug",
            "title",
            "description",
            "body",
            "author_id",
            "favorites_count",
            "created_at",
            "updated_at",
        )
        rows = [
            (w.id, w.slug, w.sample.title, w.sample.description, w.sample.body, w.author, counts[w.id], w.at, w.at)
            for w in written
        ]
        await self._copy(Article, columns, rows)
        tags = [(w.id, tag, position) for w in written for position, tag in enumerate(w.sample.tags)]
        await self._copy(Tagging, ("article_id", "tag", "position"), tags, counted=False)
        await self._copy(Favorite, ("user_id", "article_id"), favorites)

    async def comments(self, count: int, people: Sequence[UUID], written: Sequence[Written]) -> None:
        """So many comments, by anyone on anything: sentences of what the packages say."""
        choose = self._random.choice
        rows = [(choose(written).id, choose(people), _excerpt(choose(written).sample.body, 200)) for _ in range(count)]
        await self._copy(Comment, ("article_id", "author_id", "body"), rows)

    async def follows(self, follower: UUID, followed: Sequence[UUID]) -> None:
        """One reader of many."""
        await self._copy(Follow, ("follower_id", "followed_id"), [(follower, id_) for id_ in followed], counted=False)

    def write(
        self, samples: Sequence[Sample], authors: Sequence[UUID], until: datetime, apart: timedelta
    ) -> list[Written]:
        """Articles from the samples, the last one written at `until`, each some time after the one before."""
        written = []
        for number, (sample, author) in enumerate(zip(samples, authors, strict=True)):
            at = until - apart * (len(samples) - 1 - number)
            id_ = self._key(at)
            written.append(Written(id_, author, sample, f"{slug_of(sample.title)}-{id_.hex[-8:]}", at))
        return written

    def pairs(self, count: int, people: Sequence[UUID], written: Sequence[Written]) -> list[tuple[UUID, UUID]]:
        """So many different pairs of a reader and an article, or all that there are."""
        possible = len(people) * len(written)
        chosen = self._random.sample(range(possible), min(count, possible))
        return [(people[n % len(people)], written[n // len(people)].id) for n in chosen]

    def _key(self, at: datetime) -> UUID:
        """A UUIDv7 of that time (RFC 9562, section 5.7), as if the row had been made then."""
        milliseconds = int(at.timestamp() * 1000)
        random = self._random.getrandbits(74)
        return UUID(int=milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1)

    async def _copy(
        self, model: type[Any], columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *, counted: bool = True
    ) -> None:
        for start in range(0, len(rows), 5_000):
            part = rows[start : start + 5_000]
            await self.work.copy(model, columns, part)
            if counted:
                self._advance(len(part))


async def fill(work: UnitOfWork, volumes: Volumes, samples: Sequence[Sample], advance: Advance) -> None:
    """A database of the given volumes, beside whatever is there."""
    seeder = Seeder(work, advance)
    run = secrets.token_hex(3)
    people = list((await seeder.people([f"reader-{run}-{number}" for number in range(volumes.users)])).values())
    texts = [_numbered(samples[number % len(samples)], number) for number in range(volumes.articles)]
    authors = [people[number % len(people)] for number in range(volumes.articles)]
    written = seeder.write(texts, authors, datetime.now(UTC), timedelta(minutes=1))
    await work.fetch(SORT_LATER, ())
    await seeder.articles(written, seeder.pairs(volumes.favorites, people, written))
    for statement in SORT_NOW:
        await work.fetch(statement, ())
    await seeder.comments(volumes.comments, people, written)


def _numbered(sample: Sample, number: int) -> Sample:
    """The sample as one of many: its own title, a part of its text, and tags of two hundred."""
    start = number * 997 % max(1, len(sample.body) - LONGEST_EXCERPT)
    tags = tuple(dict.fromkeys(f"topic-{(number * step) % 200}" for step in (1, 7, 31)))
    body = _excerpt(sample.body[start:], LONGEST_EXCERPT)
    return Sample(sample.author, f"{sample.title[:180]} ({number})", sample.description, body, tags)


def _excerpt(text: str, limit: int) -> str:
    return text[:limit].strip() or "…"
