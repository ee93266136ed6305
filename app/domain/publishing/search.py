"""How articles are found by their words: the newest that have them, ranked, with the places highlighted.

Words are compared by their English stems, without accents, in PostgreSQL's web syntax: `"a phrase"`, `or`, `-without`.
No text is a syntax error. What is spelled like nothing there is looked for under the nearest words that titles have.
"""

# ruff: noqa: ARG001 - `words` and `viewer` are arguments of the statements' parts

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Select,
    SQLColumnExpression,
    String,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY, aggregate_order_by

from app.domain.accounts.models import User
from app.domain.publishing.models import Article
from app.domain.publishing.queries import is_favorite, profile, tags_in_order
from app.domain.publishing.schemas import ArticleFound, Highlights
from app.kit.pagination import Page, Window
from app.platform.cache.cache import Cache, Cached
from app.platform.database.work import Reader
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape

MOST_RANKED = 200  # the newest matches: to rank more takes longer the more there are
LONGEST_EXCERPT = 5_000  # characters of a body that are read for its highlights
MOST_WORDS = 10  # whose spelling is looked at
CONFIGURATION = literal_column("'publishing_text'::regconfig")
MARK = "\x02"  # before and after each match; a character that is no text

words = bindparam("words", type_=String())

# Made in this period or the one before it: what `publishing_lexemes` has put beside the words of the text.
MADE_IN = """(to_char(timezone('UTC', now()), '"''made "{form}"''"')::tsquery
        || to_char(timezone('UTC', now()) - interval '1 {period}', '"''made "{form}"''"')::tsquery)"""
MADE_IN_LAST = {
    period: MADE_IN.format(period=period, form=form)
    for period, form in {"day": "YYYY-MM-DD", "month": "YYYY-MM", "year": "YYYY"}.items()
}

# As text, because it is short as text: SQLAlchemy took a tenth of a second to put it together, on the event loop.
# A query that nothing in the index answers, such as `-whale` or `the`, finds nothing: it would read all that there is.
# PostgreSQL's index knows no order: it would go through the million articles that have a frequent word to find the
# newest two hundred. So these are looked for in the last two days, months and years before they are in all; each step
# is left out once those before it have found enough. A rank is between nought and one, and so is a likeness.
MATCHES = f"""
WITH asked AS (
    SELECT CASE WHEN querytree(parsed) NOT IN ('', 'T') THEN parsed END AS terms
    FROM websearch_to_tsquery('publishing_text', CAST(:words AS text)) AS parsed
), days AS (
    SELECT article_id FROM publishing_document
    WHERE lexemes @@ ((SELECT terms FROM asked) && {MADE_IN_LAST["day"]})
), months AS (
    SELECT article_id FROM publishing_document
    WHERE lexemes @@ ((SELECT terms FROM asked) && {MADE_IN_LAST["month"]})
    AND (SELECT count(*) FROM days) < {MOST_RANKED}
), years AS (
    SELECT article_id FROM publishing_document
    WHERE lexemes @@ ((SELECT terms FROM asked) && {MADE_IN_LAST["year"]})
    AND greatest((SELECT count(*) FROM days), (SELECT count(*) FROM months)) < {MOST_RANKED}
), ever AS (
    SELECT article_id FROM publishing_document
    WHERE lexemes @@ (SELECT terms FROM asked)
    AND greatest((SELECT count(*) FROM days), (SELECT count(*) FROM months), (SELECT count(*) FROM years))
        < {MOST_RANKED}
), newest AS (
    SELECT * FROM days UNION SELECT * FROM months UNION SELECT * FROM years UNION SELECT * FROM ever
    ORDER BY article_id DESC LIMIT {MOST_RANKED}
)
SELECT newest.article_id AS id, (SELECT terms FROM asked) AS terms,
    ts_rank_cd(lexemes, (SELECT terms FROM asked), 32)
    + similarity(unaccent(title), unaccent(CAST(:words AS text))) AS rank
FROM newest
JOIN publishing_document ON publishing_document.article_id = newest.article_id
JOIN publishing_article ON publishing_article.id = newest.article_id
"""  # noqa: S608 - of our own constants
ranked = (
    text(MATCHES)
    .bindparams(words)
    .columns(column("id", Uuid()), column("terms", TSQUERY()), column("rank", Float()))
    .cte("ranked")
)


def newest_matching(asked: str) -> Select[tuple[UUID]]:
    """The ids of the newest articles that have these words, for a statement that is put together when it is run."""
    matches = text(MATCHES).bindparams(bindparam("words", asked, String())).columns(column("id", Uuid()))
    return select(matches.subquery("matching").c.id)


def _pieces(whole: SQLColumnExpression[str], options: str) -> ColumnElement[Sequence[str]]:
    """The text cut at its matches, so that it needs no markup: what an author wrote is never taken for some."""
    plain = func.translate(whole, MARK, "")
    marked = func.ts_headline(CONFIGURATION, plain, ranked.c.terms, f"StartSel={MARK}, StopSel={MARK}, {options}")
    return func.string_to_array(marked, MARK, type_=ARRAY(Text()))


opening = func.concat_ws("\n", Article.description, func.left(Article.body, literal_column(str(LONGEST_EXCERPT))))
highlights = Shape(
    Highlights,
    Article,
    title=_pieces(Article.title, "HighlightAll=true"),
    text=_pieces(opening, 'MaxFragments=2, MinWords=10, MaxWords=30, FragmentDelimiter=" … "'),
)
article_found = Shape(
    ArticleFound, Article, tag_list=tags_in_order, favorited=is_favorite, author=profile, highlights=highlights
)


def total_of_ranked(**_: object) -> ColumnElement[int]:
    """How many are ranked, never how many there are."""
    return select(func.count()).select_from(ranked).scalar_subquery()


@query(article_found, page=by(ranked.c.rank.desc(), ranked.c.id.desc()), total=total_of_ranked)
def articles_matching(q: Select, *, words: str, viewer: UUID | None) -> Select:
    """The newest articles that have the words, best first; the newer one first where two are as good."""
    return q.where(User.id == Article.author_id, ranked.c.id == Article.id)  # SQLAlchemy cannot join to text


class Spelling(Struct):
    """Words as titles spell them."""

    words: str


wanted_words = func.regexp_replace(func.unaccent(func.lower(words)), r"(^|\s)-\S*", " ", "g")  # not those `-without`
given = func.regexp_split_to_table(wanted_words, "[^[:alpha:]]+").table_valued(
    "word", with_ordinality="place", name="given"
)
given = given.render_derived()
nearest = func.publishing_nearest_word(given.c.word, type_=Text())
in_order = aggregate_order_by(literal(" "), given.c.place)
words_spelled = func.string_agg(func.coalesce(nearest, given.c.word), in_order, type_=Text()).label("words")
spelled = (
    select(words_spelled)
    .where(given.c.word != "", given.c.place <= MOST_WORDS)
    .having(func.bool_or(nearest != given.c.word))
    .subquery("spelled")
)


@query(Shape(Spelling, spelled))
def nearest_spelling(q: Select, *, words: str) -> Select:
    """Each word, or the one in the titles that shares the most trigrams with it; nothing where that changes none."""
    return q


# To compare words with all words of all titles costs the most, and what is misspelled is misspelled by many.
SPELLINGS = Cached("publishing.spellings", str, ttl=300)


async def search(
    reader: Reader, cache: Cache, window: Window, words: str, viewer: UUID | None
) -> tuple[Page[ArticleFound], str | None]:
    """What is found under the words; else what is found under the nearest ones that titles have, and those words.

    A word that titles have only since five minutes ago may not be among the nearest yet.
    """
    page = await articles_matching.page(reader, window, words=words, viewer=viewer)
    if page.total:
        return page, None
    spelling = await cache.get(SPELLINGS, words, partial(_spelling, reader, words))
    if not spelling:
        return page, None
    page = await articles_matching.page(reader, window, words=spelling, viewer=viewer)
    return page, spelling if page.total else None


async def _spelling(reader: Reader, words: str) -> str:
    found = await nearest_spelling.one(reader, words=words)
    return found.words if found else ""
