"""Groups, and what users may"""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0004"
down_revision = "accounts_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "accounts_group",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts_group"),
    )
    op.create_index("uq_accounts_group_name", "accounts_group", [sa.text("lower(name)")], unique=True)

    op.create_table(
        "accounts_group_permission",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "permission", name="pk_accounts_group_permission"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["accounts_group.id"], name="fk_accounts_group_permission_group_id", ondelete="CASCADE"
        ),
    )

    op.create_table(
        "accounts_membership",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name="pk_accounts_membership"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_accounts_membership_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["accounts_group.id"], name="fk_accounts_membership_group_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_accounts_membership_group_id", "accounts_membership", ["group_id", "user_id"])

    op.create_table(
        "accounts_grant",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "permission", name="pk_accounts_grant"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_accounts_grant_user_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("accounts_grant")
    op.drop_table("accounts_membership")
    op.drop_table("accounts_group_permission")
    op.drop_table("accounts_group")
