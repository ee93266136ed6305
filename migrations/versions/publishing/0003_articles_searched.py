"""Articles that were there before search was"""

from alembic import op

revision = "publishing_0003"
down_revision = "publishing_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What is written meanwhile is indexed by the trigger; it stands with a newer text, and is left alone.
    op.execute("""
        INSERT INTO publishing_document (article_id, lexemes)
        SELECT id, publishing_lexemes(title, description, body, created_at) FROM publishing_article
        ON CONFLICT (article_id) DO NOTHING
    """)
    op.execute("""
        INSERT INTO publishing_word (word)
        SELECT DISTINCT word
        FROM publishing_article, regexp_split_to_table(unaccent(lower(title)), '[^[:alpha:]]+') AS word
        WHERE length(word) BETWEEN 3 AND 64 ORDER BY word
        ON CONFLICT (word) DO NOTHING
    """)


def downgrade() -> None:
    pass  # the tables go with the revision before
