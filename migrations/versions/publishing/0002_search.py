"""Search"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "publishing_0002"
down_revision = "publishing_0001"
branch_labels = None
depends_on = None

# All are trusted: whoever may create objects in the database may create them, superuser or not.
EXTENSIONS = """
DO $$
DECLARE
    reason text;
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent;
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
    RAISE EXCEPTION 'an extension of search cannot be created: %', reason
    USING ERRCODE = SQLSTATE, HINT = 'Install PostgreSQL''s contrib modules where they are missing, and have the '
        'database''s owner say: CREATE EXTENSION unaccent; CREATE EXTENSION pg_trgm; CREATE EXTENSION fuzzystrmatch; '
        'then migrate again.';
END $$
"""

# What an article is found by: its words, weighted by where they stand, and beside them the day, the month and the year
# of its making. A search for a frequent word asks for the newest of these first and need not go through all of them;
# no text has words with a blank.
LEXEMES = """
CREATE FUNCTION publishing_lexemes(title text, description text, body text, created_at timestamptz) RETURNS tsvector
LANGUAGE sql STABLE AS $$
    SELECT setweight(to_tsvector('publishing_text', title), 'A')
        || setweight(to_tsvector('publishing_text', description), 'B')
        || setweight(to_tsvector('publishing_text', body), 'D')
        || array_to_tsvector(ARRAY[
            to_char(created_at AT TIME ZONE 'UTC', '"made "YYYY'),
            to_char(created_at AT TIME ZONE 'UTC', '"made "YYYY-MM'),
            to_char(created_at AT TIME ZONE 'UTC', '"made "YYYY-MM-DD')
        ])
$$
"""

# A trigger and a table beside the articles, for a generated column would be made anew whenever a favourite is counted:
# PostgreSQL takes it that the trigger `touch` may have changed any column. The words of titles are kept in the order of
# the alphabet, so that two writers who wait for one another's new words never wait crosswise.
INDEX = """
CREATE FUNCTION publishing_index() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO publishing_document (article_id, lexemes)
    VALUES (NEW.id, publishing_lexemes(NEW.title, NEW.description, NEW.body, NEW.created_at))
    ON CONFLICT (article_id) DO UPDATE SET lexemes = excluded.lexemes;
    INSERT INTO publishing_word (word)
    SELECT DISTINCT word FROM regexp_split_to_table(unaccent(lower(NEW.title)), '[^[:alpha:]]+') AS word
    WHERE length(word) BETWEEN 3 AND 64 ORDER BY word
    ON CONFLICT (word) DO NOTHING;
    RETURN NULL;
END $$
"""

# The word in some title that shares the most trigrams with another word, at most two letters away. The trigrams find it
# in the index, with a threshold at which two letters may change places in a word of six (by default, 0.3, they may not);
# the distance keeps "experimental" from being taken for "fundamental".
NEAREST_WORD = """
CREATE FUNCTION publishing_nearest_word(given text) RETURNS text LANGUAGE sql STABLE
SET pg_trgm.similarity_threshold = 0.25 AS $$
    SELECT word FROM publishing_word
    WHERE word % given AND length(given) >= 3
    AND CASE WHEN length(given) <= 66 THEN levenshtein_less_equal(word, given, 2) <= 2 END  -- it refuses 256 letters
    ORDER BY similarity(word, given) DESC, word LIMIT 1
$$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(EXTENSIONS)
    op.execute("CREATE TEXT SEARCH CONFIGURATION publishing_text (COPY = english)")
    op.execute("""
        ALTER TEXT SEARCH CONFIGURATION publishing_text
        ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem
    """)
    op.create_table(
        "publishing_document",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("lexemes", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("article_id", name="pk_publishing_document"),
        sa.ForeignKeyConstraint(
            ["article_id"], ["publishing_article.id"], name="fk_publishing_document_article_id", ondelete="CASCADE"
        ),
    )
    # New entries wait unsorted, for a search to go through one by one, until there are half a megabyte of them: eight
    # times less than by default.
    op.create_index(
        "ix_publishing_document_lexemes",
        "publishing_document",
        ["lexemes"],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": "512"},
    )
    op.create_table(
        "publishing_word",
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name="pk_publishing_word"),
    )
    op.create_index(
        "ix_publishing_word_word",
        "publishing_word",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.execute(LEXEMES)
    op.execute(INDEX)
    op.execute(NEAREST_WORD)
    op.execute("""
        CREATE TRIGGER index_text AFTER INSERT OR UPDATE OF title, description, body ON publishing_article
        FOR EACH ROW EXECUTE FUNCTION publishing_index()
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER index_text ON publishing_article")
    op.execute("DROP FUNCTION publishing_index()")
    op.execute("DROP FUNCTION publishing_nearest_word(text)")
    op.execute("DROP FUNCTION publishing_lexemes(text, text, text, timestamptz)")
    op.drop_table("publishing_word")
    op.drop_table("publishing_document")
    op.execute("DROP TEXT SEARCH CONFIGURATION publishing_text")
    # The extensions stay: somebody else may use them.
