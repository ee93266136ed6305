"""Invitations, and the groups that they lead into"""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0008"
down_revision = "accounts_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "accounts_invitation",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("inviter_id", sa.Uuid()),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_accounts_invitation"),
        sa.UniqueConstraint("digest", name="uq_accounts_invitation_digest"),
        sa.ForeignKeyConstraint(
            ["inviter_id"], ["accounts_user.id"], name="fk_accounts_invitation_inviter_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_accounts_invitation_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "uq_accounts_invitation_email",
        "accounts_invitation",
        [sa.text("lower(email)")],
        unique=True,
        postgresql_where=sa.text("accepted_at IS NULL"),
    )
    op.create_index("ix_accounts_invitation_inviter_id", "accounts_invitation", ["inviter_id"])
    op.create_index("ix_accounts_invitation_user_id", "accounts_invitation", ["user_id"])
    op.create_table(
        "accounts_invitation_group",
        sa.Column("invitation_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("invitation_id", "group_id", name="pk_accounts_invitation_group"),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["accounts_invitation.id"],
            name="fk_accounts_invitation_group_invitation_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["accounts_group.id"], name="fk_accounts_invitation_group_group_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_accounts_invitation_group_group_id", "accounts_invitation_group", ["group_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("accounts_invitation_group")
    op.drop_table("accounts_invitation")
