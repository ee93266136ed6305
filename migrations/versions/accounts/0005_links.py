"""Links that are mailed, and when an address was confirmed by one"""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0005"
down_revision = "accounts_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("accounts_user", sa.Column("email_verified_at", sa.DateTime(timezone=True)))
    op.create_table(
        "accounts_link",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("is_last", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_accounts_link"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_accounts_link_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_accounts_link_user_id", "accounts_link", ["user_id"])
    op.create_index("ix_accounts_link_expires_at", "accounts_link", ["expires_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("accounts_link")
    op.drop_column("accounts_user", "email_verified_at")
