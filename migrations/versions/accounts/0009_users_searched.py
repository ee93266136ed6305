"""Users are found by any part of their names and addresses"""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0009"
down_revision = "accounts_0008"
branch_labels = None
depends_on = None

# It is trusted: whoever may create objects in the database may create it, superuser or not.
EXTENSION = """
DO $$
DECLARE
    reason text;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
    RAISE EXCEPTION 'the extension by which users are searched cannot be created: %', reason
    USING ERRCODE = SQLSTATE, HINT = 'Install PostgreSQL''s contrib modules where they are missing, and have the '
        'database''s owner say: CREATE EXTENSION pg_trgm; then migrate again.';
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(EXTENSION)
    with op.get_context().autocommit_block():
        # One that was interrupted is there, and is never read.
        op.drop_index("ix_accounts_user_username", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "ix_accounts_user_username",
            "accounts_user",
            [sa.text("lower(username) gin_trgm_ops"), sa.text("lower(email) gin_trgm_ops")],
            postgresql_using="gin",
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_accounts_user_username", postgresql_concurrently=True, if_exists=True)
