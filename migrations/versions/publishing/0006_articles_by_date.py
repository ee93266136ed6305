"""Articles by the day of their making, as the admin site lists them"""

from alembic import op

revision = "publishing_0006"
down_revision = "publishing_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_publishing_article_created_at", "publishing_article", ["created_at"], postgresql_concurrently=True
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_publishing_article_created_at", "publishing_article", postgresql_concurrently=True)
