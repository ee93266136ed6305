"""Jobs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "platform_0005"
down_revision = "platform_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "platform_job",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("queue", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("unique_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("then_id", sa.Uuid(), nullable=True),
        sa.Column("pending", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('held', 'waiting', 'running', 'done', 'dead', 'cancelled')", name=op.f("ck_platform_job_state")
        ),
        sa.CheckConstraint("queue BETWEEN 0 AND 4", name=op.f("ck_platform_job_queue")),
        sa.PrimaryKeyConstraint("id", name="pk_platform_job"),
    )
    op.create_index(
        "ix_platform_job_queue", "platform_job", ["queue", "due_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index(
        "ix_platform_job_lease_until", "platform_job", ["lease_until"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_index("ix_platform_job_state", "platform_job", ["state", "id"])
    op.create_index("ix_platform_job_name", "platform_job", ["name", "id"])
    op.create_index(
        "ix_platform_job_actor", "platform_job", ["actor", "id"], postgresql_where=sa.text("actor IS NOT NULL")
    )
    op.create_index(
        "ix_platform_job_ended_at",
        "platform_job",
        ["ended_at"],
        postgresql_where=sa.text("state IN ('done', 'cancelled')"),
    )
    op.create_index(
        "uq_platform_job_name",
        "platform_job",
        ["name", "unique_key"],
        unique=True,
        postgresql_where=sa.text("unique_key IS NOT NULL AND state IN ('waiting', 'running')"),
    )
    # Each row is written anew twice: what is dead must not pile up in front of what waits.
    op.execute("ALTER TABLE platform_job SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)")
    op.create_table(
        "platform_job_outcome",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "outcome", name="pk_platform_job_outcome"),
    )
    op.create_table(
        "platform_schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_platform_schedule"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("platform_schedule")
    op.drop_table("platform_job_outcome")
    op.drop_table("platform_job")
