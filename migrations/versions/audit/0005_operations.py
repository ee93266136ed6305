"""Operations are found by an index"""

from alembic import op

revision = "audit_0005"
down_revision = "audit_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # Of a table in parts no index can be made concurrently. Whoever changes a row writes into the journal alone: what
    # waits for this is the job that posts.
    op.execute("""
        -- squawk-ignore require-concurrent-index-creation
        CREATE INDEX ix_audit_entry_operation ON audit_entry (operation, xid, position)
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_index("ix_audit_entry_operation")
