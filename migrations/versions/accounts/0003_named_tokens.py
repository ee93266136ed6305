"""Tokens have names, scopes and a last use"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "accounts_0003"
down_revision = "accounts_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("accounts_token", sa.Column("name", sa.Text()))
    op.add_column("accounts_token", sa.Column("device", sa.Text()))
    op.add_column("accounts_token", sa.Column("scopes", postgresql.ARRAY(sa.Text())))
    # Tokens of before count as used now: else everybody who has been signed in for a while would be signed out.
    op.add_column(
        "accounts_token",
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # What a scope limited would be unlimited without it.
    op.execute("DELETE FROM accounts_token WHERE scopes IS NOT NULL")
    op.drop_column("accounts_token", "last_used_at")
    op.drop_column("accounts_token", "scopes")
    op.drop_column("accounts_token", "device")
    op.drop_column("accounts_token", "name")
