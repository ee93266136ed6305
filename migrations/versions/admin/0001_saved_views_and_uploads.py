"""Lists that staff come back to, and files that wait to be imported"""

import sqlalchemy as sa
from alembic import op

revision = "admin_0001"
down_revision = None
branch_labels = ("admin",)
depends_on = ("platform_0001", "accounts_0001")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "admin_saved_view",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_saved_view"),
        sa.UniqueConstraint("owner_id", "view", "name", name="uq_admin_saved_view_owner_id"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["accounts_user.id"], name="fk_admin_saved_view_owner_id", ondelete="CASCADE"
        ),
    )
    op.create_index(
        "ix_admin_saved_view_view", "admin_saved_view", ["view"], postgresql_where=sa.text("is_shared")
    )
    op.create_table(
        "admin_upload",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_upload"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["accounts_user.id"], name="fk_admin_upload_owner_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_admin_upload_owner_id", "admin_upload", ["owner_id"])
    op.create_index("ix_admin_upload_created_at", "admin_upload", ["created_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("admin_upload")
    op.drop_table("admin_saved_view")
