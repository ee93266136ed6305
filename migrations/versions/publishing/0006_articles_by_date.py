"""Articles by the day of their making, as the admin site lists them"""

from alembic import op

revision = "publishing_0006"
down_revision = "publishing_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What a former attempt left unfinished is no index that is used, and IF NOT EXISTS would leave it so.
    drop = "DROP INDEX CONCURRENTLY IF EXISTS ix_publishing_article_created_at"
    create = "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_publishing_article_created_at ON publishing_article (created_at)"
    with op.get_context().autocommit_block():
        op.execute(drop)
        op.execute(create)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_publishing_article_created_at")
