"""Notifications, and what users want to be told of"""

import sqlalchemy as sa
from alembic import op

revision = "notifications_0001"
down_revision = None
branch_labels = ("notifications",)
depends_on = ("platform_0001", "accounts_0001")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "notifications_notification",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link", sa.Text()),
        sa.Column("in_inbox", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("to_mail", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_notifications_notification"),
        sa.UniqueConstraint("user_id", "cause", "kind", name="uq_notifications_notification_user_id"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_notifications_notification_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts_user.id"], name="fk_notifications_notification_actor_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("to_mail IN ('at_once', 'digest')", name="ck_notifications_notification_to_mail"),
        sa.CheckConstraint("read_at IS NULL OR to_mail IS NULL", name="ck_notifications_notification_read"),
    )
    op.create_index("ix_notifications_notification_actor_id", "notifications_notification", ["actor_id"])
    op.create_index(
        "ix_notifications_notification_user_id",
        "notifications_notification",
        ["user_id", "id"],
        postgresql_where=sa.text("in_inbox AND read_at IS NULL"),
    )
    op.create_index(
        "ix_notifications_notification_to_mail",
        "notifications_notification",
        ["to_mail", "user_id"],
        postgresql_where=sa.text("to_mail IS NOT NULL"),
    )
    op.create_index(
        "ix_notifications_notification_read_at",
        "notifications_notification",
        ["read_at"],
        postgresql_where=sa.text("read_at IS NOT NULL"),
    )
    op.create_table(
        "notifications_preference",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Boolean()),
        sa.Column("mail", sa.Text()),
        sa.PrimaryKeyConstraint("user_id", "kind", name="pk_notifications_preference"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts_user.id"], name="fk_notifications_preference_user_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("mail IN ('none', 'at_once', 'digest')", name="ck_notifications_preference_mail"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("notifications_preference")
    op.drop_table("notifications_notification")
