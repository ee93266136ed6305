"""Articles that were there before search was"""

from alembic import op

revision = "publishing_0003"
down_revision = "publishing_0002"
branch_labels = None
depends_on = None


# A thousand articles a transaction: whoever deletes or changes one waits for no more. What is written meanwhile is
# indexed by the trigger; it stands with a newer text, and is left alone.
BATCHES = """
DO $$
DECLARE
    former uuid := '00000000-0000-0000-0000-000000000000';
    latter uuid;
BEGIN
    LOOP
        SELECT (array_agg(id ORDER BY id DESC))[1] INTO latter
        FROM (SELECT id FROM publishing_article WHERE id > former ORDER BY id LIMIT 1000) AS batch;
        EXIT WHEN latter IS NULL;
        INSERT INTO publishing_document (article_id, lexemes)
        SELECT id, publishing_lexemes(title, description, body, created_at) FROM (
            SELECT * FROM publishing_article WHERE id > former AND id <= latter ORDER BY id FOR KEY SHARE
        ) AS batch
        ON CONFLICT (article_id) DO NOTHING;
        INSERT INTO publishing_word (word)
        SELECT DISTINCT word
        FROM publishing_article, regexp_split_to_table(unaccent(lower(title)), '[^[:alpha:]]+') AS word
        WHERE id > former AND id <= latter AND length(word) BETWEEN 3 AND 64 ORDER BY word
        ON CONFLICT (word) DO NOTHING;
        COMMIT;
        former := latter;
    END LOOP;
END $$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(BATCHES)


def downgrade() -> None:
    pass  # the tables go with the revision before
