"""Changes of users are marked"""

from alembic import op

revision = "accounts_0002"
down_revision = "accounts_0001"
branch_labels = None
depends_on = "platform_0002"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("""
        CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON accounts_user
        FOR EACH STATEMENT EXECUTE FUNCTION platform_changed()
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER changed ON accounts_user")
