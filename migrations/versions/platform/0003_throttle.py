"""Counters of attempts"""

import sqlalchemy as sa
from alembic import op

revision = "platform_0003"
down_revision = "platform_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "platform_throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_platform_throttle"),
        # Not in the write-ahead log: its commits wait for no disk. After a crash it is empty, and all may try again.
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_platform_throttle_expires_at", "platform_throttle", ["expires_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_index("ix_platform_throttle_expires_at", table_name="platform_throttle")
    op.drop_table("platform_throttle")
