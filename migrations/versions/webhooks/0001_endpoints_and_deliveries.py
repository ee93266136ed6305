"""Endpoints, their secrets and their messages"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "webhooks_0001"
down_revision = None
branch_labels = ("webhooks",)
depends_on = ("platform_0005", "accounts_0007")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "webhooks_endpoint",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("failures", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True)),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_endpoint"),
        sa.ForeignKeyConstraint(
            ["created_by"], ["accounts_user.id"], name="fk_webhooks_endpoint_created_by", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_webhooks_endpoint_created_by", "webhooks_endpoint", ["created_by"])
    op.create_table(
        "webhooks_secret",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_secret"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhooks_endpoint.id"], name="fk_webhooks_secret_endpoint_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_webhooks_secret_endpoint_id", "webhooks_secret", ["endpoint_id"])
    op.create_table(
        "webhooks_delivery",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()")),
        sa.Column("first_at", sa.DateTime(timezone=True)),
        sa.Column("attempted_at", sa.DateTime(timezone=True)),
        sa.Column("milliseconds", sa.Integer()),
        sa.Column("url", sa.Text()),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("headers", sa.Text()),
        sa.Column("answer", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhooks_delivery_state")),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks_delivery"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhooks_endpoint.id"], name="fk_webhooks_delivery_endpoint_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_webhooks_delivery_created_at", "webhooks_delivery", ["created_at"])
    op.create_index("ix_webhooks_delivery_endpoint_id", "webhooks_delivery", ["endpoint_id", "id"])
    op.create_index("ix_webhooks_delivery_state", "webhooks_delivery", ["state", "endpoint_id", "id"])
    op.create_index(
        "uq_webhooks_delivery_endpoint_id",
        "webhooks_delivery",
        ["endpoint_id", "due_at", "id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("webhooks_delivery")
    op.drop_table("webhooks_secret")
    op.drop_table("webhooks_endpoint")
