"""Personal values that are put off, and where the count of transactions began anew"""

from alembic import op

revision = "audit_0003"
down_revision = "audit_0002"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_audit_personal_pending_xid": "audit_personal_pending (xid) WHERE xid IS NOT NULL",
    "ix_audit_seal_number": "audit_seal (number) WHERE to_xid = 0",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("ALTER TABLE audit_personal_pending ADD COLUMN IF NOT EXISTS xid bigint")
    with op.get_context().autocommit_block():
        for name, over in INDEXES.items():
            # What a former attempt left unfinished is no index that is used, and IF NOT EXISTS would leave it so.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {over}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("ALTER TABLE audit_personal_pending DROP COLUMN xid")
