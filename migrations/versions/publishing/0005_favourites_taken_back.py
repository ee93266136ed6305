"""Favourites that are taken back are counted off by a trigger"""

from alembic import op

revision = "publishing_0005"
down_revision = "publishing_0004"
branch_labels = None
depends_on = None

# Favourites are counted on by the statement that adds them, and off by this: they go by cascade as well, when a user is
# deleted. In the order of the articles, so that two who delete never wait crosswise; an article that is gone has none.
DISCOUNT = """
CREATE FUNCTION publishing_discount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH gone AS (SELECT article_id, count(*) AS number FROM changed GROUP BY article_id),
    locked AS (
        SELECT id FROM publishing_article JOIN gone ON id = article_id
        ORDER BY id FOR NO KEY UPDATE OF publishing_article
    )
    UPDATE publishing_article SET favorites_count = favorites_count - number
    FROM gone JOIN locked ON locked.id = gone.article_id WHERE publishing_article.id = gone.article_id;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    # A release that counts them off by itself must not run beside it: each would be counted off twice.
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(DISCOUNT)
    op.execute("""
        CREATE TRIGGER count_deleted AFTER DELETE ON publishing_favorite REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION publishing_discount()
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER count_deleted ON publishing_favorite")
    op.execute("DROP FUNCTION publishing_discount()")
