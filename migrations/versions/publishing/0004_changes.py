"""Changes of what anonymous readers see are marked"""

from alembic import op

revision = "publishing_0004"
down_revision = "publishing_0003"
branch_labels = None
depends_on = "platform_0002"

# The shapes ask for favourites and follows of every viewer, and so the statements name these tables too.
TABLES = ("article", "tagging", "comment", "favorite", "follow")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in TABLES:
        op.execute(f"""
            CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON publishing_{table}
            FOR EACH STATEMENT EXECUTE FUNCTION platform_changed()
        """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in TABLES:
        op.execute(f"DROP TRIGGER changed ON publishing_{table}")
