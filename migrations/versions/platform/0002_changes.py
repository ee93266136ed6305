"""Marks of changed tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "platform_0002"
down_revision = "platform_0001"
branch_labels = None
depends_on = None

# Trigger AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE … FOR EACH STATEMENT of a table that cached reads show.
CHANGED = """
CREATE FUNCTION platform_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO platform_change (relation) VALUES (TG_RELID) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "platform_change",
        # The transaction, as a number: PostgreSQL's xid8 is a type that few tools know.
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id()::text)::bigint"), nullable=False),
        sa.Column("relation", postgresql.OID(), nullable=False),
        sa.PrimaryKeyConstraint("xid", "relation", name="pk_platform_change"),
    )
    op.execute(CHANGED)
    op.execute("""
        CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON platform_counter
        FOR EACH STATEMENT EXECUTE FUNCTION platform_changed()
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP TRIGGER changed ON platform_counter")
    op.execute("DROP FUNCTION platform_changed()")
    op.drop_table("platform_change")
